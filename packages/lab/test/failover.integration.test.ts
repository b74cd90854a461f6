import { expect, test } from 'vitest'
import { startLab } from '../src/index.js'
import { open, query, value } from './support/query.js'

test('after a promote every writer endpoint reaches the new primary, the rest follow, the old one comes back as a replica, and can be promoted even when frozen', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  const count = (region: string) =>
    value(lab.url(region, 'replica'), 'select count(*)::int as value from notes')
  await query(lab.url('syd', 'writer'), 'create table notes (region text)')
  await query(lab.url('syd', 'writer'), "insert into notes values ('before')")
  const old = await open(lab.url('syd', 'writer'))

  await lab.promote('iad')
  expect(lab.primaryRegion).toBe('iad')
  expect(lab.env('syd')['PRIMARY_REGION']).toBe('iad')
  await expect(old.query('select 1')).rejects.toThrow()
  await old.end()
  expect(await lab.member('iad').role()).toBe('primary')
  expect(await lab.member('syd').role()).toBe('replica')
  expect(lab.member('ewr').running).toBe(false)
  for (const region of lab.regions) {
    await query(lab.url(region, 'writer'), 'insert into notes values ($1)', [region])
  }
  await lab.caughtUp()
  expect(await count('syd')).toBe(4)

  await lab.start('ewr')
  await lab.caughtUp('ewr')
  expect(await lab.member('ewr').role()).toBe('replica')
  expect(await count('ewr')).toBe(4)

  // Frozen, it has received what it has not replayed: a promotion loses nothing.
  await lab.freeze('ewr')
  await query(lab.url('syd', 'writer'), "insert into notes values ('and back')")
  await lab.promote('ewr')
  expect(lab.member('ewr').frozen).toBe(false)
  expect(await count('ewr')).toBe(5)
  expect(await count('syd')).toBe(5)
  await expect(lab.promote('ewr')).rejects.toThrow("'ewr' has the primary already")
})

test('a replica that knows more than the promoted one is made anew, as part of what it knows never happened', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (id int)')
  await lab.caughtUp()
  lab.cut('iad')
  await query(lab.url('ewr', 'writer'), 'insert into notes values (1)')
  await lab.caughtUp('syd')
  await lab.stop('ewr', { mode: 'kill' })
  // What waits on the cut line would still arrive: only a new connection loses it.
  await lab.stop('iad')
  lab.heal('iad')
  await lab.start('iad')
  await lab.promote('iad')
  for (const region of ['iad', 'syd']) {
    const lost = await value(lab.url(region, 'replica'), 'select count(*)::int as value from notes')
    expect(lost).toBe(0)
  }
  await query(lab.url('syd', 'writer'), 'insert into notes values (2)')
  await lab.caughtUp('syd')
})
