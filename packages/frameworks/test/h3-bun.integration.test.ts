import { describeHandler } from '@flyback/testkit'
import { BUN_READS_IN_PARTS, onBun } from './programs.ts'

describeHandler({
  name: 'h3 2 on Bun',
  command: onBun('h3'),
  lacks: {
    compression: 'h3 has none of its own',
    large: BUN_READS_IN_PARTS,
    upgrade: "the contract's server has WebSockets of Node alone",
  },
})
