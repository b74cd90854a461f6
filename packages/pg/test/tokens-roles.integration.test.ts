import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type TokenApp, tokenApp } from './token-support.js'

let lab: Lab
let database: LabDatabase
let app: TokenApp

beforeAll(async () => {
  // No checkpoint of its own accord while the test runs: it would write the control files.
  const settings = { checkpoint_timeout: '1h', bgwriter_lru_maxpages: 0 }
  lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0, settings })
  database = await lab.createDatabase()
  app = tokenApp(lab, database)
  await admin(
    'ewr',
    `create table item (id serial primary key, name text);
     create role ordinary login password 'x';
     create role granted login password 'x';
     grant pg_read_all_stats to granted;
     grant all on table item to ordinary, granted;
     grant all on sequence item_id_seq to ordinary, granted`,
  )
  await lab.caughtUp()
})
afterAll(() => lab.close())

/** Runs a statement on the member of a region, past everything under test. */
async function admin(region: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url(region, 'replica') })
  client.on('error', () => {})
  await client.connect()
  await client.query(sql).finally(() => client.end())
}

/** The pool of an app that connects as a role, in a region. */
function openAs(role: string, region: string) {
  const url = (endpoint: 'writer' | 'replica') => {
    const changed = new URL(database.url(region, endpoint))
    changed.username = role
    changed.password = 'x'
    return changed.href
  }
  const env = lab.env(region, { database: database.name })
  return app.open(region, {
    connectionString: url('writer'),
    flyback: { env, replicaUrl: url('replica') },
  })
}

async function tokenOf(role: string): Promise<string> {
  await using pool = openAs(role, lab.primaryRegion)
  const token = await app.write(pool)
  await lab.caughtUp()
  return token
}

async function readerAs(role: string, token: string): Promise<string> {
  await using pool = openAs(role, 'syd')
  return await app.reader(pool, 'syd', token)
}

describe('what a role may read decides when a replica is trusted', () => {
  test('before a failover every role proves where its replica is', async () => {
    for (const role of ['ordinary', 'granted']) {
      expect(await readerAs(role, await tokenOf(role))).toBe('replica')
    }
  })

  test('rule 10: after a failover pg_read_all_stats shows the new timeline at once, without it the replica serves no such token until its control file is written', async () => {
    const before = await tokenOf('ordinary')
    await lab.promote('iad')
    const after = await tokenOf('ordinary')
    expect(await readerAs('granted', after)).toBe('replica')
    expect(await readerAs('ordinary', after)).toBe('stale')
    expect(await readerAs('ordinary', before)).toBe('replica')

    // One on the new primary alone writes nothing on the replica.
    await admin('iad', 'checkpoint')
    await lab.caughtUp()
    expect(await readerAs('ordinary', after)).toBe('stale')
    await admin('syd', 'checkpoint')
    expect(await readerAs('ordinary', after)).toBe('replica')
  })

  test('a table that is dropped on the new primary writes the control file of its replicas', async () => {
    await lab.start('ewr')
    await lab.promote('ewr')
    const after = await tokenOf('ordinary')
    expect(await readerAs('ordinary', after)).toBe('stale')
    await admin('ewr', 'create table gone (); drop table gone')
    await lab.caughtUp()
    expect(await readerAs('ordinary', after)).toBe('replica')
  })
})
