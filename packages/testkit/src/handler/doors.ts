import { createMachineTable, type EdgeOptions, type EdgeRecord, startEdge } from '@flyback/lab'
import type { ProgramName } from './programs.js'

type Region = 'ewr' | 'iad' | 'syd'
const REGIONS: readonly Region[] = ['ewr', 'iad', 'syd']

/**
 * - `... alone`: no machine of the region it takes for the primary one is up
 * - `syd caching`: remembers for a session where its requests were replayed to
 * - `iad trusting`: lets clients say that their request was replayed
 */
type EdgeName = Region | 'iad alone' | 'syd alone' | 'syd caching' | 'iad trusting'

interface EdgeRow {
  readonly region: Region
  readonly down?: Region
  readonly options?: Pick<EdgeOptions, 'switches' | 'replayCache'>
}

const EDGES: Readonly<Record<EdgeName, EdgeRow>> = {
  ewr: { region: 'ewr' },
  iad: { region: 'iad' },
  syd: { region: 'syd' },
  'iad alone': { region: 'iad', down: 'ewr', options: { switches: { retries: 1 } } },
  'syd alone': { region: 'syd', down: 'iad', options: { switches: { retries: 1 } } },
  'syd caching': {
    region: 'syd',
    options: {
      replayCache: [{ pathPrefix: '/', ttlSeconds: 60, type: 'cookie', name: 'session' }],
      switches: { uncacheableSession: 'cache-target' },
    },
  },
  'iad trusting': { region: 'iad', options: { switches: { stripReplaySource: false } } },
}

/** Where a request goes in: an edge, or a program itself, past the edges. */
export type Door = EdgeName | `app ${ProgramName}`

export interface Doors extends AsyncDisposable {
  url(door: Door): string
}

/** Opens every door there is. */
export async function openDoors(
  ports: ReadonlyMap<ProgramName, number>,
  onRequest: (record: EdgeRecord) => void,
): Promise<Doors> {
  await using opened = new AsyncDisposableStack()
  const urls = new Map<string, string>()
  for (const [name, port] of ports) urls.set(`app ${name}`, `http://127.0.0.1:${port}`)
  for (const [name, row] of Object.entries(EDGES)) {
    const machines = createMachineTable()
    for (const region of REGIONS) {
      const port = ports.get(region) ?? 0
      const machine = machines.add({ id: `machine-${region}`, region, host: '127.0.0.1', port })
      if (region === row.down) machine.setHealth('down')
    }
    const edge = await startEdge({ region: row.region, machines, onRequest, ...row.options })
    opened.use(edge)
    urls.set(name, edge.url)
  }
  const edges = opened.move()
  return {
    url(door) {
      const url = urls.get(door)
      if (url === undefined) throw new Error(`there is no door ${door}`)
      return url
    },
    [Symbol.asyncDispose]: () => edges.disposeAsync(),
  }
}
