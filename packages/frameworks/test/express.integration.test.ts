import { describeHandler } from '@flyback/testkit'
import { onNode } from './programs.ts'

describeHandler({ name: 'Express 5', command: onNode('express') })
