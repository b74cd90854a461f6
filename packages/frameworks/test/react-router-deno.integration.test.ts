import { describeHandler } from '@flyback/testkit'
import { reactRouter } from './built-apps.ts'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({ name: 'React Router on Deno', ...reactRouter(onDeno), env: DENO_ENV })
