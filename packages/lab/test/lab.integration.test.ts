import { inspect } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Lab, LabError, type LabStep, startLab } from '../src/index.js'
import { query, value } from './support/query.js'

let lab: Lab
const steps: LabStep[] = []

beforeAll(async () => {
  lab = await startLab({
    regions: ['ewr', 'iad', 'syd'],
    distanceScale: 0,
    settings: { work_mem: '3MB', deadlock_timeout: '77ms' },
    onProgress: (step) => steps.push(step),
  })
})

afterAll(() => lab.close())

test('the first region has the primary, the others have replicas that stream from it', async () => {
  expect(lab.primaryRegion).toBe('ewr')
  expect(await lab.member('ewr').role()).toBe('primary')
  expect(await lab.member('iad').role()).toBe('replica')
  expect(await lab.member('syd').role()).toBe('replica')
  const replicas = await query(
    lab.url('ewr', 'replica'),
    'select application_name as region, state from pg_stat_replication order by 1',
  )
  expect(replicas).toEqual([
    { region: 'iad', state: 'streaming' },
    { region: 'syd', state: 'streaming' },
  ])
})

test('what is written through the writer endpoint of any region is read in every region', async () => {
  await using database = await lab.createDatabase()
  await query(database.url('ewr', 'writer'), 'create table notes (region text)')
  for (const region of lab.regions) {
    await query(database.url(region, 'writer'), 'insert into notes values ($1)', [region])
  }
  await lab.caughtUp()
  for (const region of lab.regions) {
    const rows = await query(database.url(region, 'replica'), 'select region from notes')
    expect(rows.map((row) => row['region'])).toEqual(['ewr', 'iad', 'syd'])
  }
})

test('the replica endpoint of a replica refuses writes', async () => {
  await expect(
    query(lab.url('iad', 'replica'), 'create table refused (id int)'),
  ).rejects.toMatchObject({ code: '25006' })
})

test('members listen on loopback alone, let nobody in without the password, and keep it scrambled', async () => {
  for (const region of lab.regions) {
    const url = lab.url(region, 'replica')
    expect(new URL(url).hostname).toMatch(/^127\./)
    expect(await value(url, "select current_setting('listen_addresses') as value")).toMatch(
      /^127\./,
    )
    await expect(query(url.replace(/:[^:@]*@/, ':wrong@'), 'select 1')).rejects.toMatchObject({
      code: '28P01',
    })
  }
  const stored = await value(
    lab.url('ewr', 'replica'),
    'select rolpassword as value from pg_authid where rolname = current_user',
  )
  expect(stored).toMatch(/^SCRAM-SHA-256\$/)
})

test.runIf(process.platform === 'linux')(
  'each region has an address of its own, and the ports are those of Fly',
  () => {
    for (const [index, region] of lab.regions.entries()) {
      const writer = new URL(lab.url(region, 'writer'))
      const replica = new URL(lab.url(region, 'replica'))
      expect(writer.hostname).toBe(`127.${lab.number}.${index + 1}.1`)
      expect(replica.hostname).toBe(writer.hostname)
      expect([writer.port, replica.port]).toEqual(['5432', '5433'])
    }
  },
)

test('the environment of a region is that of an app on Fly', () => {
  expect(lab.env('iad', { database: 'shop' })).toEqual({
    FLY_APP_NAME: `flyback-lab-${lab.number}`,
    FLY_MACHINE_ID: `iad${lab.number}`,
    FLY_REGION: 'iad',
    PRIMARY_REGION: 'ewr',
    DATABASE_URL: lab.url('iad', 'writer', 'shop'),
    FLYBACK_REPLICA_URL: lab.url('iad', 'replica', 'shop'),
  })
  expect(lab.env('iad', { host: 'db.test' })['DATABASE_URL']).toContain('@db.test:')
})

test('a database is made from a template, and is in every region when that is done', async () => {
  await using template = await lab.createDatabase({ name: 'shop_template' })
  await query(template.url('ewr', 'writer'), 'create table items as select 42 as id')
  await using database = await lab.createDatabase({ template: 'shop_template' })
  for (const region of lab.regions) {
    expect(await value(database.url(region, 'replica'), 'select id as value from items')).toBe(42)
  }
  await expect(lab.createDatabase({ name: 'a"; drop table x' })).rejects.toThrow(LabError)
})

test('a dropped database is gone, with those who were connected to it', async () => {
  const database = await lab.createDatabase()
  await database.drop()
  await database.drop()
  await expect(query(database.url('ewr', 'writer'), 'select 1')).rejects.toMatchObject({
    code: '3D000',
  })
})

test('settings reach every member', async () => {
  for (const region of lab.regions) {
    const url = lab.url(region, 'replica')
    expect(await value(url, "select current_setting('work_mem') as value")).toBe('3MB')
    expect(await value(url, "select current_setting('deadlock_timeout') as value")).toBe('77ms')
  }
})

test('progress is told in steps, in order of time', () => {
  expect(steps.at(-1)?.text).toBe('up')
  expect(steps.map((step) => step.atMs)).toEqual(
    steps.map((step) => step.atMs).toSorted((a, b) => a - b),
  )
})

test('the password is in the URLs, and nowhere that a lab is printed', () => {
  const { password } = lab.credentials
  expect(password.length).toBeGreaterThan(20)
  expect(lab.url('ewr', 'writer')).toContain(password)
  const printed = inspect(lab, { depth: 9, showHidden: true, getters: false })
  expect(printed + JSON.stringify(lab) + JSON.stringify(steps)).not.toContain(password)
})

test('a region that the lab does not have is refused by name', async () => {
  const refusals: (() => unknown)[] = [
    () => lab.member('moon'),
    () => lab.url('moon', 'writer'),
    () => lab.env('moon'),
    () => lab.cut('moon'),
    () => lab.heal('moon'),
    () => lab.hang('moon'),
    () => lab.wan.dial('ewr', 'moon', { host: '127.0.0.1', port: 1 }),
  ]
  for (const refusal of refusals)
    expect(refusal).toThrow(/no region 'moon', its regions are ewr, iad, syd/)
  await expect(lab.stop('moon')).rejects.toThrow(/no region 'moon'/)
  await expect(lab.promote('moon')).rejects.toThrow(/no region 'moon'/)
  await expect(lab.lag('moon')).rejects.toThrow(/no region 'moon'/)
})

test('two labs at a time have each their own number, password and data', async () => {
  await using other = await startLab({ regions: ['fra'] })
  expect(other.number).not.toBe(lab.number)
  expect(other.credentials.password).not.toBe(lab.credentials.password)
  await query(other.url('fra', 'writer'), 'create table only_here (id int)')
  await expect(query(lab.url('ewr', 'writer'), 'select * from only_here')).rejects.toMatchObject({
    code: '42P01',
  })
})

test('labs that start at the same moment do not collide', async () => {
  await using stack = {
    labs: [] as Lab[],
    [Symbol.asyncDispose]: async () =>
      void (await Promise.all(stack.labs.map((one) => one.close()))),
  }
  stack.labs = await Promise.all([startLab({ regions: ['fra'] }), startLab({ regions: ['fra'] })])
  const numbers = stack.labs.map((one) => one.number)
  expect(new Set([...numbers, lab.number]).size).toBe(3)
})

test('a lab that cannot start says why from the log of Postgres, and leaves nothing behind', async () => {
  const failure = await startLab({ regions: ['ewr'], settings: { shared_buffers: 'lots' } }).catch(
    (error: unknown) => error,
  )
  expect(failure).toBeInstanceOf(LabError)
  expect(String(failure)).toMatch(
    /Postgres in ewr ended.*invalid value for parameter "shared_buffers"/s,
  )
})

test('a boot that is given up rejects with the reason', async () => {
  const controller = new AbortController()
  const boot = startLab({
    regions: ['ewr', 'iad'],
    signal: controller.signal,
    onProgress: () => controller.abort(new Error('never mind')),
  })
  await expect(boot).rejects.toThrow('never mind')
})
