import { fileURLToPath } from 'node:url'
import type { HandlerUnderTest } from '@flyback/testkit'
import { onNode } from './programs.ts'

/** A built app on some runtime; what it is called is left to the test. */
type BuiltApp = Omit<HandlerUnderTest, 'name'>

function appFile(name: string, file = ''): string {
  return fileURLToPath(new URL(`../apps/${name}/${file}`, import.meta.url))
}

/** The app of React Router, under its own server. */
export function reactRouter(run: typeof onNode = onNode): BuiltApp {
  const server = appFile('react-router', 'node_modules/@react-router/serve/bin.cjs')
  return {
    command: [...run(server), 'build/server/index.js'],
    cwd: appFile('react-router'),
    lacks: { upgrade: 'react-router-serve serves no WebSockets' },
  }
}

/** The app of SvelteKit, as its adapter for Node builds it. */
export function svelteKit(run: typeof onNode = onNode): BuiltApp {
  return {
    command: run(appFile('sveltekit', 'build/index.js')),
    lacks: {
      compression: 'adapter-node compresses files, and leaves responses to the proxy in front',
      upgrade: 'SvelteKit serves no WebSockets',
    },
  }
}

/** A limit above that of the contract's largest body; its own is 512K. */
export const SVELTEKIT_ENV: Readonly<Record<string, string>> = { BODY_SIZE_LIMIT: '10M' }

const NITRO_COMPRESSES_FILES =
  'Nitro compresses files when it builds, and leaves responses to the proxy in front'

const NITRO_SOCKETS = 'WebSockets of Nitro are experimental, and not turned on in this app'

/** The app of Nitro 3, or of Nuxt on Nitro 2, as the preset for Node builds it. */
export function nitro(app: 'nitro' | 'nuxt', run: typeof onNode = onNode): BuiltApp {
  return {
    command: run(appFile(app, '.output/server/index.mjs')),
    lacks: { compression: NITRO_COMPRESSES_FILES, upgrade: NITRO_SOCKETS },
  }
}
