import { describeHandler } from '@flyback/testkit'
import { SVELTEKIT } from './built-apps.ts'

describeHandler(SVELTEKIT)
