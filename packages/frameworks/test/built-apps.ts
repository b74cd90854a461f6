import { fileURLToPath } from 'node:url'
import type { HandlerUnderTest } from '@flyback/testkit'

function appFile(name: string, file = ''): string {
  return fileURLToPath(new URL(`../apps/${name}/${file}`, import.meta.url))
}

/** The app of React Router, under its own server. */
export const REACT_ROUTER: HandlerUnderTest = {
  name: 'React Router',
  command: [
    process.execPath,
    appFile('react-router', 'node_modules/@react-router/serve/bin.cjs'),
    'build/server/index.js',
  ],
  cwd: appFile('react-router'),
}

/** The app of SvelteKit, as its adapter for Node builds it. */
export const SVELTEKIT: HandlerUnderTest = {
  name: 'SvelteKit',
  command: [process.execPath, 'build/index.js'],
  cwd: appFile('sveltekit'),
  env: { BODY_SIZE_LIMIT: '10M' },
  lacks: {
    compression: 'adapter-node compresses files, and leaves responses to the proxy in front',
  },
}
