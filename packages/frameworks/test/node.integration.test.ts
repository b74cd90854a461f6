import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({
  name: 'node:http, withFlyback',
  command: onNode('node'),
  lacks: { compression: 'node:http has none' },
})
