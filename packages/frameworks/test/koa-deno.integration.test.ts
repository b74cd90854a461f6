import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({ name: 'Koa on Deno', command: onDeno('koa'), env: DENO_ENV })
