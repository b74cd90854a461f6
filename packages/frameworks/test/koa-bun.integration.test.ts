import { describeHandler } from '@flyback/testkit'
import { onBun } from './programs.ts'

describeHandler({ name: 'Koa on Bun', command: onBun('koa') })
