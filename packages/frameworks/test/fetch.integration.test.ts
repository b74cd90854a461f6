import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({
  name: 'Request to Response on Node',
  command: onNode('fetch'),
  lacks: { compression: 'a handler alone has none' },
})
