import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({
  name: 'h3 2 on Deno',
  command: onDeno('h3'),
  env: DENO_ENV,
  lacks: {
    compression: 'h3 has none of its own',
    upgrade: "the contract's server has WebSockets of Node alone",
  },
})
