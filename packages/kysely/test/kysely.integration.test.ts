import { describeConnections } from './suites/connections.js'
import { describeKnownWrites } from './suites/known-writes.js'
import { describeMigrations } from './suites/migrations.js'
import { describeRoles } from './suites/roles.js'
import { describeTransactions } from './suites/transactions.js'

describeKnownWrites()
describeTransactions()
describeConnections()
describeRoles()
describeMigrations()
