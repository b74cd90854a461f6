import { describeAdapter } from '@flyback/testkit'
import * as kysely from 'kysely'
import { expect, test, vi } from 'vitest'
import { kyselyOnPg } from './adapter-under-test.js'
import { describeConnections } from './suites/connections.js'
import { describeKnownWrites } from './suites/known-writes.js'
import { describeMigrations } from './suites/migrations.js'
import { describeRoles } from './suites/roles.js'
import { describeTransactions } from './suites/transactions.js'

// Sources and tests then import 0.28, the oldest that is supported.
vi.mock('kysely', () => import('kysely-28'))

test('this is 0.28, which has no AbortedTransactionError', () => {
  expect(Object.keys(kysely)).not.toContain('AbortedTransactionError')
})

describeKnownWrites()
describeTransactions()
describeConnections()
describeRoles()
describeMigrations()

// Under the same name: the results must be those of 0.29.
describeAdapter(kyselyOnPg)
