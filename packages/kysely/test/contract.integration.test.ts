import { describeAdapter } from '@flyback/testkit'
import { kyselyOnPg } from './adapter-under-test.js'

describeAdapter(kyselyOnPg)
