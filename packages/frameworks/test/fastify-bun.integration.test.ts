import { describeHandler } from '@flyback/testkit'
import { onBun } from './programs.ts'

describeHandler({ name: 'Fastify on Bun', command: onBun('fastify') })
