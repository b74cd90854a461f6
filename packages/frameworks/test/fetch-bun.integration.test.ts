import { describeHandler } from '@flyback/testkit'
import { BUN_READS_IN_PARTS, onBun } from './programs.ts'

describeHandler({
  name: 'Request to Response on Bun',
  command: onBun('fetch'),
  lacks: { compression: 'a handler alone has none', large: BUN_READS_IN_PARTS },
})
