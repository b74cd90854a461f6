import { expect, test } from 'vitest'
import { startLab } from '../src/index.js'
import { open, query, value } from './support/query.js'

test('a replica cloned while the primary takes writes has the same data, to the byte, and the primary is not cloned onto itself', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (id serial primary key, body text)')
  const writer = await open(lab.url('ewr', 'writer'))
  const stop = new AbortController()
  const load = (async () => {
    while (!stop.signal.aborted) {
      await writer.query(
        `insert into notes (body) select md5(random()::text) from generate_series(1, 50);
         update notes set body = body || '!' where id % 97 = 0`,
      )
    }
  })()
  const before = await value(lab.url('ewr', 'writer'), 'select count(*)::int as value from notes')
  await lab.clone('iad')
  const after = await value(lab.url('ewr', 'writer'), 'select count(*)::int as value from notes')
  stop.abort()
  await load
  await writer.end()
  expect(after).toBeGreaterThan(Number(before))

  await lab.caughtUp('iad')
  const sql = "select count(*) || md5(string_agg(id || body, ',' order by id)) as value from notes"
  expect(await value(lab.url('iad', 'replica'), sql)).toBe(
    await value(lab.url('ewr', 'replica'), sql),
  )
  // amcheck reads every page of the index, and compares it with the table.
  await query(lab.url('ewr', 'writer'), 'create extension amcheck')
  await lab.caughtUp('iad')
  await query(lab.url('iad', 'replica'), "select bt_index_check('notes_pkey', true)")
  await expect(lab.clone('ewr')).rejects.toThrow("'ewr' has the primary")
})
