import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

const app = new URL('../apps/sveltekit/', import.meta.url)

describeHandler({
  name: 'SvelteKit',
  command: [process.execPath, 'build/index.js'],
  cwd: fileURLToPath(app),
  env: { BODY_SIZE_LIMIT: '10M' },
  lacks: {
    compression: 'adapter-node compresses files, and leaves responses to the proxy in front',
  },
})
