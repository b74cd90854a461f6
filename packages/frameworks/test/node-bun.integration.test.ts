import { describeHandler } from '@flyback/testkit'
import { onBun } from './programs.ts'

describeHandler({
  name: 'node:http, withFlyback on Bun',
  command: onBun('node'),
  lacks: { compression: 'node:http has none' },
})
