import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({ name: 'Hono on Deno', command: onDeno('hono'), env: DENO_ENV })
