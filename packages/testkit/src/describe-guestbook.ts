import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createMachineTable, type EdgeRecord, startEdge } from '@flyback/lab'
import { expect, test } from 'vitest'
import { freePort } from './regions.js'
import { sharedLab } from './shared-lab.js'

/** An example: the guestbook, with some driver and some framework, in a file of its own. */
export interface Guestbook {
  /** The file to run. */
  readonly server: URL
  /** The file with its tables. */
  readonly schema: URL
}

/** Runs a server in a process of its own, until it answers. */
async function run({ server }: Guestbook, env: Record<string, string>): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [server.pathname], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const status = () =>
    fetch(`http://127.0.0.1:${env['PORT']}/`).then(
      (response) => response.status,
      () => 0,
    )
  await expect.poll(status, { timeout: 15_000 }).toBe(200)
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/**
 * Tests an example as it is published, in two regions of the lab: `GET /` reads here, `POST /entries` and `GET /visit`
 * (which writes) run in the primary region, each once.
 */
export function describeGuestbook(example: Guestbook): void {
  test('the guestbook reads in its region and writes in the primary one', async () => {
    const schema = readFileSync(example.schema, 'utf8')
    await using database = await sharedLab().createDatabase({ schema })
    const ports = { ewr: await freePort(), iad: await freePort() }
    const machines = createMachineTable()
    const records: EdgeRecord[] = []
    const env = (region: 'ewr' | 'iad') => ({
      ...database.env(region),
      PORT: String(ports[region]),
    })
    await using _ewr = await run(example, env('ewr'))
    await using _iad = await run(example, env('iad'))
    for (const [region, port] of Object.entries(ports))
      machines.add({ id: region, region, host: '127.0.0.1', port })
    await using edge = await startEdge({
      region: 'iad',
      machines,
      onRequest: (record) => records.push(record),
    })
    const ask = async (path: string, init?: RequestInit): Promise<Record<string, unknown>> => {
      const response = await fetch(`${edge.url}${path}`, init)
      expect(response.ok).toBe(true)
      return Object(await response.json())
    }

    expect(await ask('/')).toMatchObject({ region: 'iad', entries: [] })
    const entry = { author: 'Ada', message: 'hello' }
    const headers = { 'content-type': 'application/json' }
    const body = JSON.stringify(entry)
    expect(await ask('/entries', { method: 'POST', headers, body })).toMatchObject({
      region: 'ewr',
      id: 1,
    })
    expect(await ask('/visit')).toMatchObject({ region: 'ewr' })

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
    await sharedLab().caughtUp()
    expect(await ask('/')).toMatchObject({ region: 'iad', entries: [entry] })
  })
}
