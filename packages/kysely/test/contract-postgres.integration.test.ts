import { describeAdapter } from '@flyback/testkit'
import { kyselyOnPostgres } from './adapter-under-test.js'

describeAdapter(kyselyOnPostgres)
