import { describeHandler } from '@flyback/testkit'
import { DENO_ENV, onDeno } from './programs.ts'

describeHandler({
  name: 'Request to Response on Deno',
  command: onDeno('fetch'),
  env: DENO_ENV,
  lacks: { compression: 'a handler alone has none' },
})
