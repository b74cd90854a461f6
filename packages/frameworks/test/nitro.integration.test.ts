import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

describeHandler({
  name: 'Nitro 3',
  command: [
    process.execPath,
    fileURLToPath(new URL('../apps/nitro/.output/server/index.mjs', import.meta.url)),
  ],
})
