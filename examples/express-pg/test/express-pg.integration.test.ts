import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createMachineTable, type EdgeRecord, startEdge } from '@flyback/lab'
import { freePort, sharedLab } from '@flyback/testkit'
import { expect, test } from 'vitest'

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))
const SCHEMA = readFileSync(new URL('../schema.sql', import.meta.url), 'utf8')

/** Runs the example as it is published, in a process of its own. */
async function run(port: number, env: Record<string, string>): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [SERVER], {
    env: { PATH: process.env['PATH'] ?? '', ...env, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  await expect
    .poll(
      () =>
        fetch(`http://127.0.0.1:${port}/`).then(
          (r) => r.status,
          () => 0,
        ),
      { timeout: 15_000 },
    )
    .toBe(200)
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

test('the guestbook reads in its region and writes in the primary one', async () => {
  await using database = await sharedLab().createDatabase({ schema: SCHEMA })
  const ports = { ewr: await freePort(), iad: await freePort() }
  const machines = createMachineTable()
  const records: EdgeRecord[] = []
  await using _ewr = await run(ports.ewr, database.env('ewr'))
  await using _iad = await run(ports.iad, database.env('iad'))
  for (const [region, port] of Object.entries(ports))
    machines.add({ id: region, region, host: '127.0.0.1', port })
  await using edge = await startEdge({
    region: 'iad',
    machines,
    onRequest: (record) => records.push(record),
  })
  const regionOf = async (path: string, init?: RequestInit): Promise<unknown> => {
    const response = await fetch(`${edge.url}${path}`, init)
    expect(response.ok).toBe(true)
    return Reflect.get(Object(await response.json()), 'region')
  }

  expect(await regionOf('/')).toBe('iad')
  const entry = { author: 'Ada', message: 'hello' }
  const headers = { 'content-type': 'application/json' }
  expect(await regionOf('/entries', { method: 'POST', headers, body: JSON.stringify(entry) })).toBe(
    'ewr',
  )
  expect(await regionOf('/visit')).toBe('ewr')

  expect(await database.query('ewr', 'writer', 'select author, message from entry')).toEqual([
    entry,
  ])
  expect(
    await database.query('ewr', 'writer', 'select name, count::int from tally order by name'),
  ).toEqual([
    { name: 'entries', count: 1 },
    { name: 'visits', count: 1 },
  ])
  await expect.poll(() => records.map((record) => record.hops.length)).toEqual([1, 2, 2])
})
