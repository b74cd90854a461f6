import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({
  name: 'node:http, withFlyback on Deno',
  command: onDeno('node'),
  env: DENO_ENV,
  lacks: { compression: 'node:http has none' },
})
