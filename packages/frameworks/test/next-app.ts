import { fileURLToPath } from 'node:url'
import type { HandlerUnderTest } from '@flyback/testkit'

const folder = fileURLToPath(new URL('../apps/next/', import.meta.url))
const next = `${folder}node_modules/next/dist/bin/next`

/** The app that Next has built, under `next start`. The hook of its instrumentation.ts serves requests first. */
export const NEXT: HandlerUnderTest = {
  name: 'Next',
  command: [process.execPath, next, 'start', '-H', '127.0.0.1'],
  cwd: folder,
  env: { NEXT_TELEMETRY_DISABLED: '1', NEXT_FLYBACK: 'server' },
}

/** The same without that hook: proxy.ts, route handlers and wrappers decide on their own. */
export const NEXT_BY_PROXY: HandlerUnderTest = {
  ...NEXT,
  name: 'Next by its proxy',
  env: { ...NEXT.env, NEXT_FLYBACK: 'proxy' },
}

/** A custom server, with the hook. */
export const NEXT_CUSTOM: HandlerUnderTest = {
  ...NEXT,
  name: 'Next under a custom server',
  command: [process.execPath, 'server.ts'],
}

/** `next start` with the hook of a preloaded file, and no other. */
export const NEXT_PRELOADED: HandlerUnderTest = {
  ...NEXT_BY_PROXY,
  name: 'Next, preloaded',
  command: [process.execPath, '--import', './preload.ts', next, 'start', '-H', '127.0.0.1'],
}
