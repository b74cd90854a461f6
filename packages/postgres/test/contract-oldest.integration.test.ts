import { describeAdapter } from '@flyback/testkit'
import { adapterUnderTest } from './adapter-under-test.js'
import { oldest } from './versions.js'

// Under the same name: the results must be those of 3.4.9.
describeAdapter(adapterUnderTest('postgres.js', oldest))
