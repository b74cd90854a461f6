import { parseToken, printToken } from '@flyback/core'
import type { Lab, LabDatabase } from '@flyback/lab'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTokenLab, type TokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp

beforeAll(async () => {
  ;({ lab, database, app } = await startTokenLab(['ewr', 'iad']))
})
afterAll(() => lab.close())

/** How often each answer came. */
async function tally(answers: readonly Promise<string>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const answer of await Promise.all(answers)) counts[answer] = (counts[answer] ?? 0) + 1
  return counts
}

describe('a frozen replica under load', () => {
  test('rule 14: leaves the primary as many reads as it may, refuses the rest, and is never read', async () => {
    await using writer = app.open('ewr')
    await using reader = app.open('iad', { max: 10, flyback: { maxFallbacks: 7 } })
    await lab.freeze('iad')
    const token = await app.write(writer)
    const slow = (): Promise<string> =>
      app
        .request(
          'iad',
          token,
          async () => {
            const { rows } = await reader.query('select pg_is_in_recovery() as standby')
            // The request goes on for a while.
            await new Promise((resolve) => setTimeout(resolve, 300))
            return rows[0].standby ? 'replica' : 'primary'
          },
          { canReplay: false },
        )
        .catch((error: unknown) => String(Reflect.get(Object(error), 'reason')))
    expect(await tally(Array.from({ length: 60 }, slow))).toEqual({ primary: 7, busy: 53 })
    // What is replayed takes a place, too, though nobody says when it is over.
    const replayed = Array.from({ length: 60 }, () => app.reader(reader, 'iad', token))
    expect(await tally(replayed)).toEqual({ stale: 7, busy: 53 })
    // Nobody else is kept waiting.
    expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    await lab.resume('iad')
    await lab.caughtUp()
    await expect.poll(() => app.reader(reader, 'iad', token)).toBe('replica')
  })
})

describe('ten thousand forged tokens', () => {
  test('keep no connection, and no reader without a token waits for them', async () => {
    await using writer = app.open('ewr')
    const real = await app.write(writer)
    await lab.caughtUp()
    const [entry] = parseToken(real)
    if (entry?.type !== 'position') throw new Error('no position')
    const forged = (turn: number): string => {
      const kind = turn % 4
      if (kind === 0) return printToken([{ ...entry, lsn: entry.lsn + BigInt(turn) * 10n ** 9n }])
      if (kind === 1) return printToken([{ ...entry, timeline: 7 + turn }])
      if (kind === 2) return printToken([{ ...entry, cluster: `x${turn.toString(36)}` }])
      return `1.${'z'.repeat(turn % 300)}~;drop table item`
    }
    await using reader = app.open('iad', { max: 4 })
    const flood = (async () => {
      for (let wave = 0; wave < 20; wave++) {
        await tally(
          Array.from({ length: 500 }, (_none, index) =>
            app.reader(reader, 'iad', forged(wave * 500 + index)),
          ),
        )
      }
    })()
    const end = new AbortController()
    void flood.finally(() => end.abort())
    let served = 0
    // As many as come to be served while the flood lasts.
    while (!end.signal.aborted) {
      expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
      served++
    }
    await flood
    expect(served).toBeGreaterThan(20)
    expect(reader.totalCount).toBeLessThanOrEqual(4)
    expect(reader.waitingCount).toBe(0)
    expect(await app.reader(reader, 'iad', real)).toBe('replica')
  }, 120_000)

  test('only the primary says that they are of no history, and takes them back', async () => {
    await using pool = app.open('ewr')
    const [entry] = parseToken(await app.write(pool))
    if (entry?.type !== 'position') throw new Error('no position')
    const forged = printToken([{ ...entry, lsn: entry.lsn + 10n ** 12n }])
    await app.request('ewr', forged, async (scope) => {
      await pool.query('select 1')
      expect(scope.tokens.retired.size).toBe(1)
    })
    const elsewhere = printToken([{ ...entry, cluster: 'elsewhere' }])
    const required = () =>
      app.request('ewr', elsewhere, async (scope) => {
        await pool.query('select 1')
        return scope.tokens.required
      })
    expect(await required()).toEqual([])
    // The app has another cluster, which was not asked yet: that one may need it.
    await using _other = app.open('ewr', { connectionString: 'postgres://elsewhere.example/app' })
    expect(await required()).toEqual(parseToken(elsewhere))
  })
})

describe('a role that may see little', () => {
  test('is trusted with its timeline and its cluster, as any other', async () => {
    await using writer = app.open('ewr')
    await writer.query("create role little login password 'little'; grant select on item to little")
    const token = await app.write(writer)
    await lab.caughtUp()
    const url = new URL(database.url('iad', 'replica'))
    url.username = 'little'
    url.password = 'little'
    await using reader = app.open('iad', { flyback: { replicaUrl: url.href } })
    expect(await app.reader(reader, 'iad', token)).toBe('replica')
  })

  test('that may not ask for the cluster serves nobody who carries a token', async () => {
    const client = new pg.Client({ connectionString: database.url('ewr', 'writer') })
    await client.connect()
    await client.query('revoke execute on function pg_control_system() from public')
    await client.query("create role less login password 'less'")
    await lab.caughtUp()
    await using writer = app.open('ewr')
    const token = await app.write(writer)
    const url = new URL(database.url('iad', 'replica'))
    url.username = 'less'
    url.password = 'less'
    await lab.caughtUp()
    await using reader = app.open('iad', { flyback: { replicaUrl: url.href, maxFallbacks: 1000 } })
    expect(await app.reader(reader, 'iad', token)).toBe('stale')
    expect(await app.reader(reader, 'iad', undefined)).toBe('replica')
    await client.query('grant execute on function pg_control_system() to public')
    await client.end()
  })
})
