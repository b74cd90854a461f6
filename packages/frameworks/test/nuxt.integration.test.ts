import { describeHandler } from '@flyback/testkit'
import { nitro } from './built-apps.ts'

describeHandler({ name: 'Nuxt', ...nitro('nuxt') })
