import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, startLab } from '../src/index.js'
import { open } from './support/query.js'

const ROUND_TRIP_MS = 200

let lab: Lab

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad'], distances: { 'iad-ewr': ROUND_TRIP_MS } })
})

afterAll(() => lab.close())

async function elapsedMs(work: Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work
  return performance.now() - startedMs
}

test('every round trip to the writer pays the distance, in every step of a connect too', async () => {
  expect(lab.wan.roundTripMs('ewr', 'iad')).toBe(ROUND_TRIP_MS)
  // The handshake of TCP, the start of the session, and two of SCRAM.
  const connecting = open(lab.url('iad', 'writer'))
  expect(await elapsedMs(connecting)).toBeGreaterThanOrEqual(4 * ROUND_TRIP_MS)
  const far = await connecting
  for (let round = 0; round < 3; round++) {
    expect(await elapsedMs(far.query('select 1'))).toBeGreaterThanOrEqual(ROUND_TRIP_MS)
  }
  await far.end()
})

test('the replica beside us, and the writer in its own region, cost no distance', async () => {
  for (const url of [lab.url('iad', 'replica'), lab.url('ewr', 'writer')]) {
    const near = await open(url)
    const times: number[] = []
    for (let round = 0; round < 5; round++) times.push(await elapsedMs(near.query('select 1')))
    await near.end()
    expect(Math.min(...times)).toBeLessThan(ROUND_TRIP_MS)
  }
})

test('replication pays the distance one way', async () => {
  const primary = await open(lab.url('ewr', 'writer'))
  await primary.query('create table notes (id int)')
  const replicated = elapsedMs(lab.caughtUp('iad'))
  await primary.end()
  // The commit was acknowledged a moment before the clock started.
  expect(await replicated).toBeGreaterThanOrEqual(ROUND_TRIP_MS / 4)
})

test('a dial between regions pays the distance and obeys a cut', async () => {
  const { host, port } = lab.member('ewr')
  const connection = lab.wan.dial('iad', 'ewr', { host, port })
  expect(await elapsedMs(once(connection, 'connect'))).toBeGreaterThanOrEqual(ROUND_TRIP_MS)
  connection.destroy()
  lab.cut('iad')
  const silent = lab.wan.dial('iad', 'ewr', { host, port })
  const connected = once(silent, 'connect').then(() => 'connected')
  expect(await Promise.race([connected, sleep(2 * ROUND_TRIP_MS, 'silent')])).toBe('silent')
  lab.heal('iad')
  expect(await connected).toBe('connected')
  silent.destroy()
})
