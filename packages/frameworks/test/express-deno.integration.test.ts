import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({ name: 'Express 5 on Deno', command: onDeno('express'), env: DENO_ENV })
