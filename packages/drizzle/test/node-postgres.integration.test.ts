import { describe } from 'vitest'
import { nodePostgres } from './node-postgres-fixture.js'
import { builders } from './suites/builders.js'
import { faults } from './suites/faults.js'
import { routing } from './suites/routing.js'
import { transactions } from './suites/transactions.js'

const fixture = nodePostgres(true)

describe('Drizzle on node-postgres', () => {
  describe('builders', () => builders(fixture))
  describe('transactions', () => transactions(fixture))
  describe('routing', () => routing(fixture))
  describe('faults', () => faults(fixture))
})
