import { describeHandler } from '@flyback/testkit'
import { nitro } from './built-apps.ts'

describeHandler({ name: 'Nitro 3', ...nitro('nitro') })
