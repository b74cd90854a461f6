import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({
  name: 'NestJS on Express on Deno',
  command: onDeno('nest-express'),
  env: DENO_ENV,
})
