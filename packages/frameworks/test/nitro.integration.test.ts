import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

const server = fileURLToPath(new URL('../apps/nitro/.output/server/index.mjs', import.meta.url))

describeHandler({
  name: 'Nitro 3',
  command: [process.execPath, server],
  lacks: { compression: 'Nitro compresses only the files of `public`, when it is built' },
})
