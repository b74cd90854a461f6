import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'NestJS on Express', command: onNode('nest-express') })
