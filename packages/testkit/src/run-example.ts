import { readFileSync } from 'node:fs'
import { createMachineTable, type EdgeRecord, startEdge } from '@flyback/lab'
import { freePort } from './free-port.js'
import { runProgram } from './handler/run-program.js'
import { sharedLab, type TestDatabase } from './shared-lab.js'

/** An example as it is published: a server in a file of its own. */
export interface Example {
  /** The file to run. */
  readonly server: URL
  /** What runs it. @default this Node */
  readonly runtime?: readonly [program: string, ...args: string[]]
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
  const { server, runtime = [process.execPath], args = [], env = {}, ready = '/' } = example
  const command = [...runtime, server.pathname, ...args] as const
  await using running = new AsyncDisposableStack()
  const schema = readFileSync(example.schema, 'utf8')
  const database = running.use(await sharedLab().createDatabase({ schema }))
  const ports = { ewr: await freePort(), iad: await freePort() }
  const machines = createMachineTable()
  const records: EdgeRecord[] = []
  for (const region of ['ewr', 'iad'] as const) {
    const port = ports[region]
    const variables = { NODE_ENV: 'production', ...env, ...database.env(region) }
    const program = await runProgram({
      name: `${server.pathname} in ${region}`,
      command,
      env: variables,
      port,
      readyPath: ready,
    })
    running.defer(() => program.stop())
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
