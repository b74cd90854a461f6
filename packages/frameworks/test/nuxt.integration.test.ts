import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

const server = fileURLToPath(new URL('../apps/nuxt/.output/server/index.mjs', import.meta.url))

describeHandler({
  name: 'Nuxt 4',
  command: [process.execPath, server],
  lacks: { compression: 'Nitro compresses only the files of `public`, when it is built' },
})
