import { describe } from 'vitest'
import { nodePostgres } from './node-postgres-fixture.js'
import { builders } from './suites/builders.js'
import { cache } from './suites/cache.js'
import { differential } from './suites/differential.js'
import { faults } from './suites/faults.js'
import { routing } from './suites/routing.js'
import { transactions } from './suites/transactions.js'

const fixture = nodePostgres(false)

describe('Drizzle on node-postgres', () => {
  describe('builders', () => builders(fixture))
  describe('transactions', () => transactions(fixture))
  describe('cache', () => cache(fixture))
  describe('routing', () => routing(fixture))
  describe('differences', () => differential(fixture))
  describe('faults', () => faults(fixture))
})
