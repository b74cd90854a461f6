import { setTimeout as sleep } from 'node:timers/promises'
import { currentToken, withConsistency } from '@flyback/core/scope'
import type { Lab } from '@flyback/lab'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { failure } from './support.js'
import { INSERT, startTokenLab, type TokenApp } from './token-support.js'

const COUNT = 'select count(*)::int as items, pg_is_in_recovery() as standby from item'

let lab: Lab
let app: TokenApp

beforeAll(async () => {
  ;({ lab, app } = await startTokenLab(['ewr', 'iad', 'syd']))
})
afterAll(() => lab.close())

describe('eventual', () => {
  test('asks nothing of a replica, whatever its token says', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    await lab.freeze('iad')
    const token = await app.write(writer)
    expect(await app.reader(reader, 'iad', token, { consistency: 'eventual' })).toBe('replica')
    await lab.resume('iad')
  })

  test('is a matter of single calls, too: the rest of the request is as it was', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    await lab.freeze('iad')
    const token = await app.write(writer)
    await app.request('iad', token, async () => {
      const { rows } = await withConsistency('eventual', () => reader.query(COUNT))
      expect(rows[0]).toMatchObject({ standby: true })
      expect(await failure(reader.query(COUNT))).toMatchObject({ reason: 'stale' })
    })
    await lab.resume('iad')
    await lab.caughtUp()
  })
})

describe('strong', () => {
  test('is read on the primary, and nothing of the request goes back to the replica', async () => {
    await using reader = app.open('iad')
    await app.request(
      'iad',
      undefined,
      async (scope) => {
        await withConsistency('strong', () => reader.query(COUNT))
        const { rows } = await reader.query(COUNT)
        expect(rows[0]).toMatchObject({ standby: false })
        expect(scope.forwardReason).toBe('strong')
      },
      { canReplay: true },
    )
  })

  test('after reads of the replica the request is replayed', async () => {
    await using reader = app.open('iad')
    await app.request('iad', undefined, async () => {
      await reader.query(COUNT)
      const strong = withConsistency('strong', () => reader.query(COUNT))
      expect(await failure(strong)).toMatchObject({ reason: 'mixed-reads' })
    })
  })
})

describe('monotonic', () => {
  test('what was read on one replica is asked of the next', async () => {
    await using writer = app.open('ewr')
    await using near = app.open('iad')
    await using far = app.open('syd')
    await lab.freeze('syd')
    await writer.query(INSERT)
    await lab.caughtUp('iad')
    const consistency = { monotonic: true }
    const read = await app.request(
      'iad',
      undefined,
      async () => {
        const { rows } = await near.query(COUNT)
        return { items: rows[0].items, token: currentToken() }
      },
      { consistency },
    )
    expect(read.token).toMatch(/^1\./)
    expect(await app.reader(far, 'syd', read.token, { consistency })).toBe('stale')
    await lab.resume('syd')
    await lab.caughtUp('syd')
    await app.request(
      'syd',
      read.token,
      async () => {
        const { rows } = await far.query(COUNT)
        expect(rows[0]).toEqual({ items: read.items, standby: true })
      },
      { consistency },
    )
  })

  test('a read of the primary counts as well', async () => {
    await using pool = app.open('ewr')
    const token = await app.request(
      'ewr',
      undefined,
      async () => {
        await pool.query(COUNT)
        return currentToken()
      },
      { consistency: { monotonic: true } },
    )
    expect(token).toMatch(/^1\./)
  })

  test('an idle primary keeps nobody waiting for what a replica has shown', async () => {
    await using near = app.open('iad')
    await using far = app.open('syd')
    const consistency = { monotonic: true }
    for (let turn = 0; turn < 40; turn++) {
      const token = await app.request(
        'iad',
        undefined,
        async () => {
          await near.query(COUNT)
          return currentToken()
        },
        { consistency },
      )
      expect(await app.reader(far, 'syd', token, { consistency })).toBe('replica')
    }
  })
})

describe('withinMs', () => {
  const consistency = { withinMs: 400 }

  test('a replica that follows serves', async () => {
    await using reader = app.open('iad')
    for (let turn = 0; turn < 5; turn++) {
      expect(await app.reader(reader, 'iad', undefined, { consistency })).toBe('replica')
    }
  })

  test('a replica that lacks what the primary had so long ago does not', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad')
    await lab.freeze('iad')
    await writer.query(INSERT)
    await sleep(consistency.withinMs + 200)
    expect(await app.reader(reader, 'iad', undefined, { consistency })).toBe('stale')
    expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    await lab.resume('iad')
    await lab.caughtUp()
    await expect.poll(() => app.reader(reader, 'iad', undefined, { consistency })).toBe('replica')
  })

  test('a region that is cut off is not within any time', async () => {
    await using reader = app.open('syd')
    expect(await app.reader(reader, 'syd', undefined, { consistency })).toBe('replica')
    lab.cut('syd')
    await sleep(consistency.withinMs + 200)
    expect(await app.reader(reader, 'syd', undefined, { consistency })).toBe('stale')
    lab.heal('syd')
    await expect
      .poll(() => app.reader(reader, 'syd', undefined, { consistency }), { timeout: 5000 })
      .toBe('replica')
  })
})
