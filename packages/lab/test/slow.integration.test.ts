import { expect, test } from 'vitest'
import { type Lab, LabError, startLab } from '../src/index.js'
import { query, value } from './support/query.js'

const DELAY_MS = 600

test('a slow replica replays each commit so much later, until it is told otherwise, also over a restart', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (id int)')
  await lab.caughtUp()
  expect(await replayMs(lab)).toBeLessThan(DELAY_MS / 2)

  await lab.slow('iad', DELAY_MS)
  expect(lab.member('iad').delayMs).toBe(DELAY_MS)
  expect(await replayMs(lab)).toBeGreaterThanOrEqual(DELAY_MS - 50)
  expect(await value(lab.url('iad', 'replica'), 'select count(*)::int as value from notes')).toBe(2)
  await lab.stop('iad')
  await lab.start('iad')
  expect(await replayMs(lab)).toBeGreaterThanOrEqual(DELAY_MS - 50)

  await lab.slow('iad', 0)
  expect(lab.member('iad').delayMs).toBe(0)
  expect(await replayMs(lab)).toBeLessThan(DELAY_MS / 2)
})

test('a slow replica that is promoted or cloned is slow no longer', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (id int)')
  await lab.slow('iad', DELAY_MS)
  await lab.slow('syd', DELAY_MS)
  await lab.clone('syd')
  expect(lab.member('syd').delayMs).toBe(0)
  await lab.promote('iad')
  await lab.start('ewr')
  for (const region of ['syd', 'ewr']) {
    const sql = `select setting::int as value from pg_settings where name = 'recovery_min_apply_delay'`
    expect(await value(lab.url(region, 'replica'), sql)).toBe(0)
  }
  expect(lab.member('iad').delayMs).toBe(0)
})

test('the primary is not made slow, and a delay is a number of milliseconds', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  await expect(lab.slow('ewr', DELAY_MS)).rejects.toThrow("'ewr' has the primary")
  for (const delayMs of [-1, 0.5, Number.NaN, 60_000]) {
    await expect(lab.slow('iad', delayMs)).rejects.toThrow(LabError)
  }
  expect(lab.member('iad').delayMs).toBe(0)
})

/** How long a commit takes to be replayed in iad. */
async function replayMs(lab: Lab): Promise<number> {
  await query(lab.url('ewr', 'writer'), 'insert into notes values (1)')
  const committed = performance.now()
  await lab.caughtUp('iad')
  return performance.now() - committed
}
