import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Lab, LabError, startLab } from '../src/index.js'
import { open, query, settlesWithin, value } from './support/query.js'

/** Longer than any answer of a loopback takes, for what must not come. */
const SILENCE_MS = 400

let lab: Lab

beforeAll(async () => {
  lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (id int)')
})

afterAll(() => lab.close())

beforeEach(async () => {
  await query(lab.url('ewr', 'writer'), 'truncate notes')
  await lab.caughtUp()
})

afterEach(() => {
  for (const region of lab.regions) {
    lab.unhang(region)
    lab.heal(region)
  }
})

const count = (region: string) =>
  value(lab.url(region, 'replica'), 'select count(*)::int as value from notes')
const insert = (region: string) => query(lab.url(region, 'writer'), 'insert into notes values (1)')

test('a stopped replica refuses connections, and has what it missed after a start', async () => {
  const { pid } = lab.member('iad')
  await lab.stop('iad')
  expect(lab.member('iad')).toMatchObject({ running: false, pid: undefined })
  await expect(count('iad')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await insert('iad')
  await lab.start('iad')
  await lab.caughtUp('iad')
  expect(await count('iad')).toBe(1)
  expect(lab.member('iad').pid).not.toBe(pid)
})

test.each(['immediate', 'kill'] as const)('a member stopped by %s comes back', async (mode) => {
  const client = await open(lab.url('syd', 'replica'))
  await lab.stop('syd', { mode })
  await expect(client.query('select 1')).rejects.toThrow()
  await client.end()
  await insert('ewr')
  await lab.start('syd')
  await lab.caughtUp('syd')
  expect(await count('syd')).toBe(1)
})

test('without a primary, the writer endpoint accepts and closes, and replicas answer', async () => {
  await insert('ewr')
  await lab.caughtUp()
  await lab.stop('ewr', { mode: 'kill' })
  for (const region of lab.regions) {
    await expect(insert(region)).rejects.toThrow('Connection terminated unexpectedly')
  }
  expect(await count('iad')).toBe(1)
  expect(lab.primaryRegion).toBe('ewr')
  await lab.start('ewr')
  await insert('syd')
  await lab.caughtUp()
  expect(await count('iad')).toBe(2)
})

test('a frozen replica answers from the past and lags, a resumed one catches up', async () => {
  await lab.freeze('iad')
  expect(lab.member('iad').frozen).toBe(true)
  await insert('iad')
  await lab.caughtUp('syd')
  expect(await count('iad')).toBe(0)
  expect(await count('syd')).toBe(1)
  expect((await lab.lag('iad')).bytes).toBeGreaterThan(0)
  await expect(lab.caughtUp('iad')).rejects.toThrow("resume('iad')")
  await lab.resume('iad')
  await lab.caughtUp('iad')
  expect(await count('iad')).toBe(1)
  expect(await lab.lag('iad')).toEqual({ bytes: 0, milliseconds: 0 })
})

test('freezing the primary is refused', async () => {
  await expect(lab.freeze('ewr')).rejects.toThrow(LabError)
})

test('a member that hangs accepts connections and says nothing, then goes on where it was', async () => {
  const client = await open(lab.url('iad', 'replica'))
  lab.hang('iad')
  expect(lab.member('iad')).toMatchObject({ running: true, hung: true })
  const answer = client.query('select 1')
  const newcomer = open(lab.url('iad', 'replica'))
  expect(await settlesWithin(answer, SILENCE_MS)).toBe(false)
  expect(await settlesWithin(newcomer, 0)).toBe(false)
  await expect(lab.member('iad').role()).rejects.toThrow(/hangs/)
  lab.unhang('iad')
  await answer
  await client.end()
  await (await newcomer).end()
  await lab.caughtUp('iad')
})

test('a member that hangs can be stopped', async () => {
  lab.hang('syd')
  await lab.stop('syd')
  expect(lab.member('syd').running).toBe(false)
  await lab.start('syd')
  await lab.caughtUp('syd')
})

test('a region that is cut off reads its own replica and reaches nobody, until it is healed', async () => {
  const writer = await open(lab.url('iad', 'writer'))
  lab.cut('iad')
  expect(lab.member('iad').cut).toBe(true)
  const answer = writer.query('insert into notes values (1)')
  const newcomer = open(lab.url('iad', 'writer'))
  expect(await settlesWithin(answer, SILENCE_MS)).toBe(false)
  expect(await settlesWithin(newcomer, 0)).toBe(false)
  expect(await count('iad')).toBe(0)

  await insert('ewr')
  await lab.caughtUp()
  expect(await count('iad')).toBe(0)
  expect(await count('syd')).toBe(1)
  await expect(lab.caughtUp('iad')).rejects.toThrow("heal('iad')")

  lab.heal('iad')
  await answer
  await writer.end()
  await (await newcomer).end()
  await lab.caughtUp('iad')
  expect(await count('iad')).toBe(2)
})

test('when the primary is cut off, its own region still writes and no other does', async () => {
  lab.cut('ewr')
  await insert('ewr')
  const far = insert('syd')
  expect(await settlesWithin(far, SILENCE_MS)).toBe(false)
  lab.heal('ewr')
  await far
  await lab.caughtUp()
  expect(await count('iad')).toBe(2)
})

test('a primary stops promptly while a replica is cut off', async () => {
  lab.cut('iad')
  await insert('ewr')
  expect(await settlesWithin(lab.stop('ewr'), 5000)).toBe(true)
  lab.heal('iad')
  await lab.start('ewr')
  await lab.caughtUp()
  expect(await count('iad')).toBe(1)
})
