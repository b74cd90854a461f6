import { describeAdapter } from '@flyback/testkit'
import { drizzleOnNodePostgres } from './adapters-under-test.js'

describeAdapter(drizzleOnNodePostgres)
