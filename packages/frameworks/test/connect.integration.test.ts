import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'node:http, as a middleware', command: onNode('connect') })
