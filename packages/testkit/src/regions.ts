import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  createMachineTable,
  type Edge,
  type EdgeOptions,
  type EdgeRecord,
  startEdge,
} from '@flyback/lab'

/** The same app once per region, an edge before each. */
export interface Regions extends AsyncDisposable {
  /** The edge of a region, as a visitor there finds it. */
  url(region: string, path?: string): string
  /** The app of a region itself, past the edges. */
  app(region: string): string
  /** What the edges saw, in the order requests finished. */
  readonly records: readonly EdgeRecord[]
  /** Marks the app of a region as failing its health check. */
  down(region: string): void
}

export interface RegionsOptions {
  readonly regions: readonly string[]
  /** The app of a region. What it opens it closes in `close`. */
  readonly serve: (region: string) => App
  /** Further options of every edge. */
  readonly edge?: Pick<EdgeOptions, 'switches' | 'replayCache'>
}

export interface App {
  readonly listener: RequestListener
  /** Takes requests for an upgrade; without it they are requests like any other. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void
  close?(): Promise<void>
}

/** Serves an app in several regions behind the lab's edge proxies, which know nothing of Flyback. */
export async function serveRegions(options: RegionsOptions): Promise<Regions> {
  const machines = createMachineTable()
  const records: EdgeRecord[] = []
  const edges = new Map<string, Edge>()
  const servers = new Map<string, Server>()
  const apps: App[] = []
  for (const region of options.regions) {
    const app = options.serve(region)
    apps.push(app)
    const server = createServer(app.listener)
    if (app.upgrade) server.on('upgrade', app.upgrade)
    const port = await listen(server)
    servers.set(region, server)
    machines.add({ id: `machine-${region}`, region, host: '127.0.0.1', port })
    edges.set(
      region,
      await startEdge({
        region,
        machines,
        onRequest: (record) => records.push(record),
        ...options.edge,
      }),
    )
  }
  return {
    url: (region, path = '/') => new URL(path, required(edges, region).url).href,
    app: (region) => `http://127.0.0.1:${portOf(required(servers, region))}`,
    records,
    down: (region) => {
      for (const entry of machines.list(region)) entry.setHealth('down')
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...edges.values()].map((edge) => edge.close()))
      await Promise.all([...servers.values()].map(close))
      await Promise.all(apps.map(async (app) => await app.close?.()))
    },
  }
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return portOf(server)
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return address.port
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}

function required<T>(map: ReadonlyMap<string, T>, region: string): T {
  const found = map.get(region)
  if (found === undefined) throw new Error(`no app is served in ${region}`)
  return found
}
