import { describeHandler } from '@flyback/testkit'
import { onBun } from './programs.ts'

describeHandler({ name: 'Express 5 on Bun', command: onBun('express') })
