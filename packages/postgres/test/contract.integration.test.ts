import { describeAdapter } from '@flyback/testkit'
import { postgresJs } from './adapter-under-test.js'

describeAdapter(postgresJs)
