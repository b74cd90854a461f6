import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

describeHandler({
  name: 'h3 2',
  command: [process.execPath, fileURLToPath(new URL('../src/servers/h3.ts', import.meta.url))],
})
