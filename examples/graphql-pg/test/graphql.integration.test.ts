import { runExample, sharedLab } from '@flyback/testkit'
import { expect, test } from 'vitest'

const example = {
  server: new URL('../src/server.ts', import.meta.url),
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  ready: '/graphql?query={region}',
}

test('queries by POST read in their region; mutations, and queries that write, run in the primary one, once', async () => {
  await using running = await runExample(example)
  const { database, records } = running
  async function ask(query: string, variables?: object): Promise<unknown> {
    const response = await fetch(`${running.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    })
    expect(response.status).toBe(200)
    return await response.json()
  }
  const entry = { author: 'Ada', message: 'hello' }
  const read = '{ region entries { author message } }'

  expect(await ask(read)).toEqual({ data: { region: 'iad', entries: [] } })
  const sign = 'mutation ($a: String!, $m: String!) { sign(author: $a, message: $m) { region id } }'
  expect(await ask(sign, { a: entry.author, m: entry.message })).toEqual({
    data: { sign: { region: 'ewr', id: 1 } },
  })
  // The resolver's error becomes an entry of `errors` in a 200; the request remembers the refusal.
  expect(await ask('{ visit { region count } entries { author } }')).toEqual({
    data: { visit: { region: 'ewr', count: 1 }, entries: [{ author: 'Ada' }] },
  })
  expect(await ask('{ nothing }'), 'an error of the query is the answer to it').toMatchObject({
    errors: [{ message: expect.stringContaining('nothing') }],
  })
  await expect.poll(() => records.map(({ hops }) => hops.length)).toEqual([1, 2, 2, 1])

  const tally = 'select name, count from tally order by name'
  expect(await database.query('ewr', 'writer', tally)).toEqual([
    { name: 'entries', count: 1 },
    { name: 'visits', count: 1 },
  ])
  await sharedLab().caughtUp()
  expect(await ask(read)).toEqual({ data: { region: 'iad', entries: [entry] } })
})
