import { describeHandler } from '@flyback/testkit'
import { onBun } from './programs.ts'

describeHandler({ name: 'NestJS on Express on Bun', command: onBun('nest-express') })
