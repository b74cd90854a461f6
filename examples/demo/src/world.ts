import { readFile } from 'node:fs/promises'
import {
  createMachineTable,
  type Edge,
  type EdgeRecord,
  type Lab,
  startEdge,
  startLab,
} from '@flyback/lab'
import pg from 'pg'
import { startApp } from './app-process.ts'

const SERVER = new URL('../../express-pg/src/server.ts', import.meta.url)

export const REGIONS = ['ewr', 'iad', 'syd'] as const
export type Region = (typeof REGIONS)[number]

/** The same app in every region, reached through an edge there. */
export interface World {
  url(region: Region, path: string): string
  /** What the edge saw of the request with this id. */
  record(requestId: string): EdgeRecord | undefined
}

export interface Worlds extends AsyncDisposable {
  readonly lab: Lab
  readonly withFlyback: World
  /** The same code with no region variables, so every statement goes to the primary over 5432. */
  readonly without: World
  /** The region of a database server, by its address. */
  regionOf(member: string): string
}

/** Starts a lab of three regions, and the example app in each, with and without Flyback. */
export async function startWorlds(
  progress: (text: string) => void,
  signal: AbortSignal,
): Promise<Worlds> {
  await using stack = new AsyncDisposableStack()
  const lab = stack.use(
    await startLab({ regions: REGIONS, signal, onProgress: ({ text }) => progress(text) }),
  )
  progress('creating the tables of the example')
  await loadSchema(lab.url('ewr', 'writer'))
  await lab.caughtUp()
  signal.throwIfAborted()
  progress('starting the app in every region, twice')
  const [withFlyback, without] = await Promise.all([
    startWorld(lab, stack, (region) => lab.env(region)),
    startWorld(lab, stack, (region) => ({ DATABASE_URL: lab.url(region, 'writer') })),
  ])
  const members = new Map(REGIONS.map((region) => [lab.member(region).host, region]))
  const owned = stack.move()
  return {
    lab,
    withFlyback,
    without,
    regionOf: (member) => members.get(member) ?? member,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  }
}

async function startWorld(
  lab: Lab,
  stack: AsyncDisposableStack,
  envOf: (region: Region) => Record<string, string>,
): Promise<World> {
  const machines = createMachineTable()
  const edges = new Map<Region, Edge>()
  const records = new Map<string, EdgeRecord>()
  await Promise.all(
    REGIONS.map(async (region) => {
      const { host } = lab.member(region)
      const app = stack.use(await startApp({ server: SERVER, host, env: envOf(region) }))
      machines.add({ id: `app-${region}`, region, host: app.host, port: app.port })
      const edge = await startEdge({
        region,
        machines,
        host,
        dial: lab.wan.tunnel,
        distance: lab.wan.roundTripMs,
        onRequest: (record) => records.set(record.id, record),
      })
      edges.set(region, stack.use(edge))
    }),
  )
  return {
    url: (region, path) => `${edges.get(region)?.url}${path}`,
    record: (requestId) => records.get(requestId),
  }
}

async function loadSchema(connectionString: string): Promise<void> {
  const schema = new URL('../../express-pg/schema.sql', import.meta.url)
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(await readFile(schema, 'utf8'))
  await client.end()
}
