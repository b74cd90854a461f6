import { readFile } from 'node:fs/promises'
import { startApp } from '@flyback/example-demo/app-process'
import { createMachineTable, type EdgeRecord, type Lab, startEdge, startLab } from '@flyback/lab'
import pg from 'pg'

const SERVER = new URL('../server.ts', import.meta.url)
const SCHEMA = new URL('../../schema.sql', import.meta.url)

export const PRIMARY = 'ewr'
/** Where the visitor is. */
export const FAR = 'syd'
const REGIONS = [PRIMARY, FAR] as const

/** The app in both regions, and the edge where the visitor comes in. */
export interface World {
  readonly url: string
  /** What the edge saw of the request with this id. */
  record(requestId: string): EdgeRecord | undefined
}

export interface Worlds extends AsyncDisposable {
  readonly lab: Lab
  readonly withoutTokens: World
  readonly withTokens: World
}

export interface WorldOptions {
  readonly onProgress?: (text: string) => void
  readonly signal?: AbortSignal
}

/** Starts a lab of two regions, and the app in each, once without tokens and once as it is. */
export async function startWorlds(options: WorldOptions = {}): Promise<Worlds> {
  const { onProgress = () => undefined, signal } = options
  await using stack = new AsyncDisposableStack()
  const lab = stack.use(
    await startLab({
      regions: REGIONS,
      onProgress: ({ text }) => onProgress(text),
      ...(signal && { signal }),
    }),
  )
  await loadSchema(lab.url(PRIMARY, 'writer'))
  await lab.caughtUp()
  signal?.throwIfAborted()
  onProgress('starting the app in both regions, twice')
  const [withoutTokens, withTokens] = await Promise.all([
    startWorld(lab, stack, { TOKENS: 'off' }),
    startWorld(lab, stack, {}),
  ])
  const owned = stack.move()
  return { lab, withoutTokens, withTokens, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

async function startWorld(
  lab: Lab,
  stack: AsyncDisposableStack,
  variables: Readonly<Record<string, string>>,
): Promise<World> {
  const machines = createMachineTable()
  const records = new Map<string, EdgeRecord>()
  for (const region of REGIONS) {
    const { host } = lab.member(region)
    const env = { ...lab.env(region), ...variables }
    const app = stack.use(await startApp({ server: SERVER, host, env }))
    machines.add({ id: `app-${region}`, region, host: app.host, port: app.port })
  }
  const edge = await startEdge({
    region: FAR,
    machines,
    host: lab.member(FAR).host,
    dial: lab.wan.tunnel,
    distance: lab.wan.roundTripMs,
    onRequest: (record) => records.set(record.id, record),
  })
  return { url: stack.use(edge).url, record: (requestId) => records.get(requestId) }
}

async function loadSchema(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query(await readFile(SCHEMA, 'utf8'))
  await client.end()
}
