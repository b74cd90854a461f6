import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'Hono', command: onNode('hono') })
