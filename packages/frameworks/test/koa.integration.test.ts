import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'Koa', command: onNode('koa') })
