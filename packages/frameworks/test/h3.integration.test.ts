import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({
  name: 'h3 2',
  command: onNode('h3'),
  lacks: { compression: 'h3 has none of its own' },
})
