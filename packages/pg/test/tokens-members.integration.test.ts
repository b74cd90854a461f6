import type { Lab, LabDatabase } from '@flyback/lab'
import { relayTcp } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTokenLab, type TokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp

beforeAll(async () => {
  ;({ lab, database, app } = await startTokenLab(['ewr', 'iad', 'syd']))
})
afterAll(() => lab.close())

test('behind an endpoint of two members, who waits for one is woken by it, though the other was there before', async () => {
  await using writer = app.open('ewr')
  await using relay = await relayTcp(new URL(database.url('iad', 'replica')))
  await using reader = app.open('iad', { flyback: { replicaUrl: relay.url, maxWaitMs: 1500 } })
  const ahead = await reader.connect()
  relay.lead(new URL(database.url('syd', 'replica')))
  const lagging = await reader.connect()
  await lab.freeze('syd')
  const token = await app.write(writer)
  ahead.release()
  expect(await app.reader(reader, 'iad', token)).toBe('replica')
  const held = await reader.connect()
  lagging.release()
  const waiting = app.reader(reader, 'iad', token)
  await lab.resume('syd')
  const answer = await waiting
  held.release()
  expect(answer).toBe('replica')
})

describe('a replica', () => {
  test('that is slow is waited for', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad', { flyback: { maxWaitMs: 8000 } })
    await lab.slow('iad', 200)
    const token = await app.write(writer)
    expect(await app.reader(reader, 'iad', token)).toBe('replica')
    await lab.slow('iad', 0)
  })

  test('that was restarted proves anew what it has', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    reader.on('error', () => {})
    const before = await app.write(writer)
    await lab.caughtUp()
    expect(await app.reader(reader, 'iad', before)).toBe('replica')
    await lab.stop('iad')
    const token = await app.write(writer)
    expect(await app.reader(reader, 'iad', token)).toBe('primary')
    await lab.start('iad')
    await lab.caughtUp()
    expect(await app.reader(reader, 'iad', before)).toBe('replica')
    expect(await app.reader(reader, 'iad', token)).toBe('replica')
  })

  test('that does not answer where it is costs a bounded wait, and the primary serves', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    reader.on('error', () => {})
    expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    lab.hang('iad')
    const token = await app.write(writer)
    const beganMs = performance.now()
    expect(await app.reader(reader, 'iad', token, { canReplay: false })).toBe('primary')
    expect(performance.now() - beganMs).toBeLessThan(15_000)
    lab.unhang('iad')
    await lab.caughtUp()
    await expect.poll(() => app.reader(reader, 'iad', token)).toBe('replica')
  })
})
