import { describe } from 'vitest'
import { postgresJs } from './postgres-js-fixture.js'
import { builders } from './suites/builders.js'
import { cache } from './suites/cache.js'
import { differential } from './suites/differential.js'
import { faults } from './suites/faults.js'
import { routing } from './suites/routing.js'
import { transactions } from './suites/transactions.js'

const fixture = postgresJs(false)

describe('Drizzle on postgres.js', () => {
  describe('builders', () => builders(fixture))
  describe('transactions', () => transactions(fixture))
  describe('cache', () => cache(fixture))
  describe('routing', () => routing(fixture))
  describe('differences', () => differential(fixture))
  describe('faults', () => faults(fixture))
})
