import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'Express 4', command: onNode('express4') })
