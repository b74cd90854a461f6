import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createMachineTable, type EdgeRecord, startEdge } from '@flyback/lab'
import { expect } from 'vitest'
import { freePort } from './regions.js'
import { sharedLab, type TestDatabase } from './shared-lab.js'

/** An example as it is published: a server in a file of its own. */
export interface Example {
  /** The file to run. */
  readonly server: URL
  /** Its arguments. @default none */
  readonly args?: readonly string[]
  /** Further variables of its environment. @default none */
  readonly env?: Readonly<Record<string, string>>
  /** The file with its tables. */
  readonly schema: URL
  /** A path that is answered with 200 once it is up. @default '/' */
  readonly ready?: string
}

/** An example that runs in `ewr`, the primary region, and in `iad`, as a visitor in `iad` finds it. */
export interface RunningExample extends AsyncDisposable {
  /** The edge of `iad`. */
  readonly url: string
  readonly database: TestDatabase
  /** What the edge saw, in the order requests finished. */
  readonly records: readonly EdgeRecord[]
}

/** Runs an example in two regions of the lab. */
export async function runExample(example: Example): Promise<RunningExample> {
  await using running = new AsyncDisposableStack()
  const schema = readFileSync(example.schema, 'utf8')
  const database = running.use(await sharedLab().createDatabase({ schema }))
  const ports = { ewr: await freePort(), iad: await freePort() }
  const machines = createMachineTable()
  const records: EdgeRecord[] = []
  for (const region of ['ewr', 'iad'] as const) {
    const port = ports[region]
    running.use(await run(example, { ...database.env(region), PORT: String(port) }))
    machines.add({ id: region, region, host: '127.0.0.1', port })
  }
  const onRequest = (record: EdgeRecord): void => void records.push(record)
  const edge = running.use(await startEdge({ region: 'iad', machines, onRequest }))
  const all = running.move()
  return {
    url: edge.url,
    database,
    records,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** Runs a server in a process of its own, until it answers. */
async function run(
  { server, args = [], env: own, ready = '/' }: Example,
  env: Record<string, string>,
): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [server.pathname, ...args], {
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', ...own, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const status = () =>
    fetch(`http://127.0.0.1:${env['PORT']}${ready}`).then(
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
