import { parseToken, printToken, type TokenEntry } from '@flyback/core'
import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { INSERT, type TokenApp, tokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp

const REGIONS = ['ewr', 'iad', 'syd']

beforeAll(async () => {
  lab = await startLab({ regions: REGIONS, distanceScale: 0 })
  database = await lab.createDatabase()
  app = tokenApp(lab, database)
  await admin('ewr', 'create table item (id serial primary key, name text)')
  await lab.caughtUp()
})
afterAll(() => lab.close())

/** Runs a statement on the member of a region, past everything under test. */
async function admin(region: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: database.url(region, 'replica') })
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query(sql)).rows
  } finally {
    await client.end()
  }
}

function changed(token: string, change: (entry: TokenEntry) => TokenEntry): string {
  return printToken(parseToken(token).map(change))
}

const older = (token: string, seconds: number): string =>
  changed(token, (entry) => ({ ...entry, issuedAt: entry.issuedAt - seconds }))

const timelineOf = (token: string): number | undefined => {
  const [entry] = parseToken(token)
  return entry?.type === 'position' ? entry.timeline : undefined
}

describe('a failover that loses the last commit', () => {
  let before: string
  let lost: string
  let after: string

  beforeAll(async () => {
    {
      await using pool = app.open('ewr')
      before = await app.write(pool)
      await lab.caughtUp()
      lab.cut('ewr')
      // More than the new primary writes until it is asked.
      await admin(
        'ewr',
        "insert into item (name) select repeat('x', 500) from generate_series(1, 2000)",
      )
      lost = await app.write(pool)
    }
    await lab.promote('iad')
    lab.heal('ewr')
    {
      await using pool = app.open('iad', { flyback: { env: promoted('iad') } })
      after = await app.write(pool)
    }
    await lab.caughtUp('syd')
  })

  /** The environment of an app that was deployed anew since. */
  const promoted = (region: string) => ({
    ...lab.env(region, { database: database.name }),
    PRIMARY_REGION: 'iad',
  })

  test('its tokens are on the new timeline', () => {
    expect([timelineOf(before), timelineOf(lost), timelineOf(after)]).toEqual([1, 1, 2])
  })

  test('a replica that followed serves what came before it, and what came after', async () => {
    await using pool = app.open('syd')
    expect(await app.reader(pool, 'syd', before)).toBe('replica')
    expect(await app.reader(pool, 'syd', after)).toBe('replica')
  })

  test('what was lost is retired by the new primary, and by no replica', async () => {
    await using replica = app.open('syd')
    expect(await app.reader(replica, 'syd', lost)).toBe('stale')
    await using primary = app.open('iad', { flyback: { env: promoted('iad') } })
    await app.request('iad', lost, async (scope) => {
      await primary.query('select 1')
      expect([...scope.tokens.retired]).toEqual(parseToken(lost))
      expect(scope.tokens.required).toEqual([])
    })
    // The same from a region that forwards because of it.
    await app.request(
      'syd',
      lost,
      async (scope) => {
        await replica.query('select 1')
        expect([...scope.tokens.retired]).toEqual(parseToken(lost))
      },
      { canReplay: false },
    )
  })

  test.each(['primary', 'replica'] as const)(
    'rule 10: the old primary that is back as a %s serves nothing that is newer, however far it is',
    async (as) => {
      await lab.start('ewr', { as })
      if (as === 'primary') {
        await admin(
          'ewr',
          "insert into item (name) select repeat('y', 500) from generate_series(1, 4000)",
        )
      }
      await using pool = app.open('syd', {
        flyback: { replicaUrl: database.url('ewr', 'replica') },
      })
      expect(await app.reader(pool, 'syd', undefined)).toBe(as)
      expect(await app.reader(pool, 'syd', after)).toBe('stale')
      expect(await app.reader(pool, 'syd', after, { canReplay: false })).toBe('primary')
      await lab.stop('ewr')
    },
  )

  test('rule 10: the old primary behind the writer endpoint is a split brain for ten minutes, then a restore', async () => {
    await lab.start('ewr', { as: 'primary' })
    // Its region still believes in it.
    const url = database.url('ewr', 'replica')
    await using pool = app.open('ewr', {
      connectionString: url,
      flyback: { env: { ...lab.env('ewr'), PRIMARY_REGION: 'ewr' } },
    })
    const read = (token: string) =>
      app.request(
        'ewr',
        token,
        async (scope) => {
          await pool.query('select 1')
          return scope.tokens.retired.size
        },
        { role: 'primary', canReplay: false },
      )
    await expect(read(after)).rejects.toMatchObject({
      name: 'PrimaryUnavailable',
      reason: 'old-timeline',
    })
    expect(await read(older(after, 3600))).toBe(1)
    expect(await read(before)).toBe(0)
    await lab.stop('ewr')
  })

  test('a member that was made anew serves everything', async () => {
    await lab.clone('ewr')
    await lab.caughtUp('ewr')
    await using pool = app.open('syd', { flyback: { replicaUrl: database.url('ewr', 'replica') } })
    expect(await app.reader(pool, 'syd', after)).toBe('replica')
  })

  test('connections that were open across the failover go on, and prove what they have', async () => {
    await using pool = app.open('syd')
    expect(await app.reader(pool, 'syd', before)).toBe('replica')
    await lab.promote('ewr')
    await using primary = app.open('ewr', {
      flyback: { env: { ...lab.env('ewr', { database: database.name }), PRIMARY_REGION: 'ewr' } },
    })
    const token = await app.request(
      'ewr',
      undefined,
      async (scope) => {
        await primary.query(INSERT)
        return printToken(scope.tokens.issued)
      },
      { role: 'primary', canReplay: false },
    )
    expect(timelineOf(token)).toBe(3)
    await lab.caughtUp('syd')
    expect(await app.reader(pool, 'syd', token)).toBe('replica')
  })
})
