import {
  type Regions,
  serveRegions,
  sharedLab,
  type TestDatabase,
  TOKEN_COOKIE,
} from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createLabApp, envOf, type LabApp, SCHEMA } from './lab-app.js'

const lab = sharedLab()
const REGIONS = ['ewr', 'iad', 'syd']
let database: TestDatabase
let regions: Regions
let serial = 0
const apps = new Map<string, LabApp>()

beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
  regions = await serveRegions({
    regions: REGIONS,
    serve: (region) => {
      const app = createLabApp({ env: envOf(database, region) })
      apps.set(region, app)
      return app
    },
  })
})
afterAll(async () => {
  await regions[Symbol.asyncDispose]()
  await database.drop()
})

const uniqueId = (): string => `request-${++serial}`

async function send(
  region: string,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; body: Record<string, unknown>; headers: Headers }> {
  const seen = regions.records.length
  const response = await fetch(regions.url(region, path), init)
  const text = await response.text()
  await expect.poll(() => regions.records.length).toBeGreaterThan(seen)
  return {
    status: response.status,
    headers: response.headers,
    body: text === '' ? {} : JSON.parse(text),
  }
}

const post = (region: string, path: string): ReturnType<typeof send> =>
  send(region, path, { method: 'POST' })

/** How often, and from which app, an effect is in the database. */
async function effects(id: string): Promise<string[]> {
  const rows = await database.query<{ region: string }>(
    'ewr',
    'writer',
    'select region from effect where id = $1',
    [id],
  )
  return rows.map((row) => row.region)
}

function hops(): {
  region: string | undefined
  to: string | undefined
  state: string | undefined
}[] {
  const record = regions.records.at(-1)
  return (record?.hops ?? []).map((hop) => ({
    region: hop.region,
    to: hop.replay?.to,
    state: hop.replay?.state,
  }))
}

describe.each(['iad', 'syd'])('from the replica region %s', (region) => {
  test('a read is answered here, by the member beside it', async () => {
    const { status, body } = await send(region, '/read')
    expect(status).toBe(200)
    expect(body).toEqual({
      region,
      standby: true,
      host: new URL(database.url(region, 'replica')).hostname,
    })
    expect(hops()).toEqual([{ region, to: undefined, state: undefined }])
  })

  test('a POST is replayed before its handler, with its body, and its effect is once in the database', async () => {
    const id = uniqueId()
    const { status, body } = await send(region, '/write', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ id, text: 'ümlaut ✓' }),
    })
    expect(status).toBe(201)
    expect(body).toEqual({ region: 'ewr', body: { id, text: 'ümlaut ✓' } })
    expect(await effects(id)).toEqual(['ewr'])
    expect(hops()).toEqual([
      { region, to: 'region=ewr', state: 'flyback.1.method' },
      { region: 'ewr', to: undefined, state: undefined },
    ])
  })

  test('a GET that turns out to write is replayed, and what it had answered is dropped', async () => {
    const id = uniqueId()
    const { body, headers } = await send(region, `/hidden-write?id=${id}`)
    expect(body).toEqual({ region: 'ewr' })
    expect(headers.getSetCookie()).toEqual([
      'from=ewr; Path=/',
      expect.stringMatching(TOKEN_COOKIE),
    ])
    expect(await effects(id)).toEqual(['ewr'])
    expect(hops()[0]).toEqual({ region, to: 'region=ewr', state: 'flyback.1.write' })
  })

  test.each(['transaction', 'swallowed', 'wrapped', 'forgetful', 'callbacks'])(
    'a refused write is replayed: %s',
    async (form) => {
      const id = uniqueId()
      const { status, body } = await post(region, `/attempt/${form}?id=${id}`)
      expect(status).toBe(200)
      expect(body).toMatchObject({ region: 'ewr' })
      expect(await effects(id)).toEqual(['ewr'])
    },
  )

  test('requirePrimary() replays before anything is sent', async () => {
    const { body } = await send(region, '/required')
    expect(body).toEqual({ region: 'ewr' })
    expect(hops()[0]?.state).toBe('flyback.1.required')
  })

  test('a POST that only reads stays here when its route is attempted', async () => {
    const { body } = await post(region, '/attempt/clean?id=x')
    expect(body).toEqual({ region, id: 'x' })
  })
})

describe('what must reach the primary does, through HTTP', () => {
  test.each([
    ['an UPDATE of no rows', 'update item set qty = 1 where false'],
    ['SELECT ... FOR UPDATE', 'select * from item for update'],
    ['nextval', "select nextval('item_id_seq')"],
    [
      'a writable CTE',
      'with w as (update item set qty = 3 where id = 1 returning *) select * from w',
    ],
    ['a writing function', 'select write_item()'],
    ['LISTEN', 'listen channel'],
    ['a temporary table', 'create temp table if not exists temporary (id int)'],
    ['SERIALIZABLE', 'begin isolation level serializable; commit'],
    ['READ WRITE', 'begin read write; commit'],
    ['an advisory lock', 'select pg_advisory_xact_lock(1)'],
  ])('%s', async (_title, sql) => {
    const { status, body } = await send('iad', `/sql?q=${encodeURIComponent(sql)}`)
    expect({ status, body }).toEqual({ status: 200, body: { region: 'ewr' } })
    expect(hops()).toHaveLength(2)
  })
})

describe('what must not be replayed is not', () => {
  test('a constraint error: it is replayed once as a write, and answered by the primary', async () => {
    const { status, body } = await post('iad', '/attempt/constraint')
    expect({ status, body }).toEqual({ status: 500, body: { region: 'ewr', error: '23505' } })
    expect(hops()).toHaveLength(2)
  })

  test('rule 3: a constraint error in the primary region', async () => {
    const { status, body } = await post('ewr', '/attempt/constraint')
    expect({ status, body }).toEqual({ status: 500, body: { region: 'ewr', error: '23505' } })
    expect(hops()).toHaveLength(1)
  })

  test('rule 3: a write refused by a read-only primary', async () => {
    const url = new URL(database.url('ewr', 'writer'))
    url.searchParams.set('options', '-c default_transaction_read_only=on')
    await using readOnly = await serveRegions({
      regions: ['ewr'],
      serve: () => createLabApp({ env: envOf(database, 'ewr', { DATABASE_URL: url.href }) }),
    })
    const response = await fetch(readOnly.url('ewr', '/hidden-write?id=x'))
    expect(response.status).toBe(500)
    expect(await response.json()).toMatchObject({
      error: expect.stringContaining('PrimaryUnavailable'),
    })
    expect(readOnly.records[0]?.hops).toHaveLength(1)
  })

  test('an error of the statement itself, in a replica region', async () => {
    const { status, body } = await send('iad', '/sql?q=select+1/0')
    expect({ status, body }).toEqual({ status: 500, body: { region: 'iad', error: '22012' } })
  })
})

describe('rule 1: Promise.all of a forward and a refused write has each effect once', () => {
  test.each(['forward', 'refused'])('%s first', async (order) => {
    const id = uniqueId()
    const { status } = await post('iad', `/attempt/both?id=${id}&order=${order}`)
    expect(status).toBe(200)
    expect(await effects(`${id}-a`)).toHaveLength(1)
    expect(await effects(`${id}-b`)).toHaveLength(1)
  })
})

describe('rule 21: without region variables nothing changes', () => {
  test.each([
    ['no variables', { FLY_REGION: '', PRIMARY_REGION: '' }],
    ['one variable', { PRIMARY_REGION: '' }],
  ])(
    '%s: reads and writes go where DATABASE_URL says, and nothing is replayed',
    async (_title, overrides) => {
      await using single = await serveRegions({
        regions: ['iad'],
        serve: () => createLabApp({ env: envOf(database, 'iad', overrides) }),
      })
      const id = uniqueId()
      expect((await fetch(single.url('iad', `/hidden-write?id=${id}`))).status).toBe(200)
      const read = await fetch(single.url('iad', '/read'))
      expect(await read.json()).toMatchObject({ standby: false })
      expect(await effects(id)).toHaveLength(1)
      expect(single.records.every((record) => record.hops.length === 1)).toBe(true)
    },
  )
})

test('rule 15: 50 concurrent requests over pools of two clients: each effect exactly once, no scope or client of another', async () => {
  const pools: LabApp[] = []
  await using crowded = await serveRegions({
    regions: ['ewr', 'iad'],
    serve: (region) => {
      const app = createLabApp({ env: envOf(database, region), max: 2 })
      pools.push(app)
      return app
    },
  })
  const forms = ['callbacks', 'transaction', 'swallowed', 'clean', 'wrapped', 'forgetful']
  const sent = Array.from({ length: 50 }, (_, i) => ({
    id: uniqueId(),
    form: forms[i % forms.length] ?? 'clean',
  }))
  const answers = await Promise.all(
    sent.map(async ({ id, form }) => {
      const response = await fetch(crowded.url('iad', `/attempt/${form}?id=${id}`), {
        method: 'POST',
      })
      return { status: response.status, body: await response.json() }
    }),
  )
  for (const [i, { id, form }] of sent.entries()) {
    if (form === 'clean') {
      expect(answers[i]).toEqual({ status: 200, body: { region: 'iad', id } })
      expect(await effects(id)).toEqual([])
    } else {
      expect(answers[i]).toMatchObject({ status: 200, body: { region: 'ewr' } })
      expect(await effects(id)).toEqual(['ewr'])
    }
  }
  for (const { pool } of pools) {
    await expect.poll(() => pool.totalCount - pool.idleCount).toBe(0)
    expect(pool.waitingCount).toBe(0)
  }
})
