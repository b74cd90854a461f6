import { afterEach, beforeEach, expect, test } from 'vitest'
import { withFlyback } from '../src/fetch.js'
import { REPLICA } from './support/environments.js'

const STALE: symbol = Symbol.for('flyback.stale')
const PLACES: symbol = Symbol.for('flyback.fallbacks')
const headers = { cookie: 'flyback-c-1-5=1.c.1.5.1' }

beforeEach(() => {
  const endpoint = { watcher: { isStale: () => true }, maxFallbacks: 1 }
  Reflect.set(globalThis, STALE, new Map([['c', endpoint]]))
  Reflect.set(globalThis, PLACES, new Set())
})
afterEach(() => {
  Reflect.deleteProperty(globalThis, STALE)
  Reflect.deleteProperty(globalThis, PLACES)
})

function start(work: () => Promise<void>): () => Promise<number> {
  const handler = withFlyback(
    async () => {
      await work()
      return new Response('ok')
    },
    { env: REPLICA, platform: false },
  )
  return async () => (await handler(new Request('http://app/', { headers }))).status
}

test('rule 14: a request that forwards since its replica is behind gives its place back when it is over', async () => {
  const send = start(async () => {})
  expect([await send(), await send(), await send()]).toEqual([200, 200, 200])
})

test('rule 14: a request that forwards since its replica is behind has its place as long as it takes', async () => {
  let open = (): void => {}
  const gate = new Promise<void>((resolve) => {
    open = resolve
  })
  const send = start(() => gate)
  const first = send()
  await new Promise((resolve) => setTimeout(resolve, 1100))
  const second = send()
  open()
  expect(await Promise.all([first, second])).toEqual([200, 503])
})
