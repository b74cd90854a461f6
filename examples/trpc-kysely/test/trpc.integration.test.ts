import { runExample, sharedLab } from '@flyback/testkit'
import { createTRPCClient, httpBatchLink, httpBatchStreamLink } from '@trpc/client'
import { describe, expect, test } from 'vitest'
import type { AppRouter } from '../src/router.ts'

const example = {
  server: new URL('../src/server.ts', import.meta.url),
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  ready: '/trpc/entries',
}

describe.each([
  ['by GET, in a batch', (url: string) => httpBatchLink({ url })],
  ['by POST, in a batch', (url: string) => httpBatchLink({ url, methodOverride: 'POST' })],
  ['in a batch whose answers stream', (url: string) => httpBatchStreamLink({ url })],
])('queries %s', (_name, link) => {
  test('read in their region; mutations, and queries that write, run in the primary one, once', async () => {
    await using running = await runExample(example)
    const client = createTRPCClient<AppRouter>({ links: [link(`${running.url}/trpc`)] })
    const entry = { author: 'Ada', message: 'hello' }

    expect(await Promise.all([client.entries.query(), client.entries.query()])).toEqual([
      { region: 'iad', entries: [] },
      { region: 'iad', entries: [] },
    ])
    expect(await client.sign.mutate(entry)).toEqual({ region: 'ewr', id: 1 })
    expect(await Promise.all([client.visit.query(), client.entries.query()])).toEqual([
      { region: 'ewr', visits: 1 },
      { region: 'ewr', entries: [entry] },
    ])
    await expect.poll(() => running.records.map(({ hops }) => hops.length)).toEqual([1, 2, 2])
    const tally = 'select name, count from tally order by name'
    expect(await running.database.query('ewr', 'writer', tally)).toEqual([
      { name: 'entries', count: 1 },
      { name: 'visits', count: 1 },
    ])
    await sharedLab().caughtUp()
    expect(await client.entries.query()).toEqual({ region: 'iad', entries: [entry] })
  })
})
