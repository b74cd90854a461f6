import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({ name: 'Fastify on Deno', command: onDeno('fastify'), env: DENO_ENV })
