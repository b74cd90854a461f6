import { describeAdapter } from '@flyback/testkit'
import { drizzleOnPostgresJs } from './adapters-under-test.js'

describeAdapter(drizzleOnPostgresJs)
