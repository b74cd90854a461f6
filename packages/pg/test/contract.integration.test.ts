import { describeAdapter } from '@flyback/testkit'
import { nodePostgres } from './adapter-under-test.js'

describeAdapter(nodePostgres)
