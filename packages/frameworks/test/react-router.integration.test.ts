import { fileURLToPath } from 'node:url'
import { describeHandler } from '@flyback/testkit'

const app = new URL('../apps/react-router/', import.meta.url)

describeHandler({
  name: 'React Router',
  command: [
    process.execPath,
    fileURLToPath(new URL('node_modules/@react-router/serve/bin.cjs', app)),
    'build/server/index.js',
  ],
  cwd: fileURLToPath(app),
})
