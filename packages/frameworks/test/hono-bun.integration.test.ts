import { describeHandler } from '@flyback/testkit'
import { BUN_READS_IN_PARTS, onBun } from './programs.ts'

describeHandler({
  name: 'Hono on Bun',
  command: onBun('hono'),
  lacks: { large: BUN_READS_IN_PARTS },
})
