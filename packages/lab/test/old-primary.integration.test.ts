import { expect, test } from 'vitest'
import { type Lab, startLab } from '../src/index.js'
import { query, value } from './support/query.js'

/** A failover that loses the last commit of the old primary in ewr. */
async function labAfterLostCommit(): Promise<Lab> {
  const lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  await query(lab.url('ewr', 'writer'), 'create table notes (body text)')
  await lab.caughtUp()
  lab.cut('ewr')
  await query(lab.url('ewr', 'replica'), "insert into notes values ('lost')")
  await lab.promote('iad')
  lab.heal('ewr')
  await query(lab.url('syd', 'writer'), "insert into notes values ('new')")
  await lab.caughtUp()
  return lab
}

const notes = (lab: Lab, region: string) =>
  value(lab.url(region, 'replica'), "select string_agg(body, ' ') as value from notes")

test('the old primary comes back as it was: a primary of its own, with what was lost, that nobody is led to', async () => {
  await using lab = await labAfterLostCommit()
  await lab.start('ewr', { as: 'primary' })
  expect(await lab.member('ewr').role()).toBe('primary')
  expect(lab.primaryRegion).toBe('iad')
  await query(lab.url('ewr', 'replica'), "insert into notes values ('alone')")
  expect(await notes(lab, 'ewr')).toBe('lost alone')

  await query(lab.url('ewr', 'writer'), "insert into notes values ('through the proxy')")
  await lab.caughtUp()
  expect(await notes(lab, 'syd')).toBe('new through the proxy')
  await expect(lab.caughtUp('ewr')).rejects.toThrow("clone('ewr')")
  await expect(lab.lag('ewr')).rejects.toThrow("clone('ewr')")
  await expect(lab.promote('ewr')).rejects.toThrow("clone('ewr')")

  await lab.clone('ewr')
  await lab.caughtUp('ewr')
  expect(await notes(lab, 'ewr')).toBe('new through the proxy')
})

test('the old primary comes back as a replica that answers from a past that was lost, and is a fresh one at the next start', async () => {
  await using lab = await labAfterLostCommit()
  await lab.start('ewr', { as: 'replica' })
  expect(await lab.member('ewr').role()).toBe('replica')
  await query(lab.url('syd', 'writer'), "insert into notes values ('newer')")
  await lab.caughtUp()
  expect(await notes(lab, 'ewr')).toBe('lost')
  expect(await notes(lab, 'syd')).toBe('new newer')

  await lab.stop('ewr')
  await lab.start('ewr')
  await lab.caughtUp('ewr')
  expect(await notes(lab, 'ewr')).toBe('new newer')
})

test('only a member that lost a promotion comes back as what it was', async () => {
  await using lab = await startLab({ regions: ['ewr', 'iad'], distanceScale: 0 })
  await lab.stop('ewr')
  await expect(lab.start('ewr', { as: 'primary' })).rejects.toThrow("without 'as'")
  await lab.start('ewr')
  expect(await lab.member('ewr').role()).toBe('primary')
})
