import { describeHandler } from '@flyback/testkit'
import { reactRouter } from './built-apps.ts'
import { onBun } from './programs.ts'

describeHandler({ name: 'React Router on Bun', ...reactRouter(onBun) })
