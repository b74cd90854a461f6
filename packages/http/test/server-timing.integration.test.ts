import { type Regions, serveRegions, sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createLabApp, envOf, SCHEMA } from './lab-app.js'

const lab = sharedLab()
let database: TestDatabase
let regions: Regions

beforeAll(async () => {
  database = await lab.createDatabase({ schema: SCHEMA })
  regions = await serveRegions({
    regions: ['ewr', 'syd'],
    serve: (region) => createLabApp({ env: envOf(database, region, { NODE_ENV: 'development' }) }),
  })
})
afterAll(async () => {
  await regions[Symbol.asyncDispose]()
  await database.drop()
})

const timing = async (path: string, method = 'GET'): Promise<string | null> =>
  (await fetch(regions.url('syd', path), { method })).headers.get('server-timing')

test.each([
  [
    'a read of the replica',
    'GET',
    '/read',
    'syd role=replica member=replica route=served reason=local',
  ],
  [
    'a read, and then a write',
    'GET',
    '/hidden-write?id=a',
    'ewr role=primary member=primary route=served reason=primary-region',
  ],
  [
    'a transaction',
    'POST',
    '/attempt/transaction?id=b',
    'ewr role=primary member=primary route=served reason=primary-region',
  ],
  [
    'work on the primary from here',
    'POST',
    '/attempt/both?id=c&order=forward',
    'syd role=replica member=primary route=forwarded reason=asked',
  ],
  [
    'nothing of the database',
    'GET',
    '/nowhere',
    'syd role=replica member=none route=served reason=local',
  ],
])(
  'a visitor in syd is told where it was answered, once: %s',
  async (_case, method, path, words) => {
    const pattern = new RegExp(`^flyback;dur=[\\d.]+;desc="region=${words}"$`)
    expect(await timing(path, method)).toMatch(pattern)
  },
)
