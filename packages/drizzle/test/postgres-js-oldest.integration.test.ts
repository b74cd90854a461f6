import { describe, vi } from 'vitest'
import { postgresJs } from './postgres-js-fixture.js'
import { builders } from './suites/builders.js'
import { differential } from './suites/differential.js'
import { faults } from './suites/faults.js'
import { routing } from './suites/routing.js'
import { transactions } from './suites/transactions.js'

vi.mock('drizzle-orm', () => import('drizzle-oldest'))
vi.mock('drizzle-orm/pg-core', () => import('drizzle-oldest/pg-core'))
vi.mock('drizzle-orm/postgres-js', () => import('drizzle-oldest/postgres-js'))

const fixture = postgresJs(true)

describe('the oldest Drizzle on postgres.js', () => {
  describe('builders', () => builders(fixture))
  describe('transactions', () => transactions(fixture))
  describe('routing', () => routing(fixture))
  describe('differences', () => differential(fixture))
  describe('faults', () => faults(fixture))
})
