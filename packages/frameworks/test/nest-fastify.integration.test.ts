import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'NestJS on Fastify', command: onNode('nest-fastify') })
