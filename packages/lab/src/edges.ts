import {
  createMachineTable,
  type Edge,
  type EdgeRecord,
  type EdgeSwitches,
  type MachineTable,
  startEdge,
} from './edge/index.js'
import type { LabNumber } from './network/lab-number.js'
import { freePort } from './network/listen.js'
import type { Wan } from './network/wan.js'

/** The edge proxies of a lab and the app servers they know. */
export interface Edges {
  readonly machines: MachineTable
  readonly byRegion: ReadonlyMap<string, Edge>
}

export interface StartEdgesOptions {
  readonly regions: readonly string[]
  readonly lab: LabNumber
  readonly wan: Wan
  readonly switches: EdgeSwitches
  readonly onRequest: (record: EdgeRecord) => void
}

/** Where nothing else is in the way; ports below 1024 are for root. */
const USUAL_PORT = 8080

/** Starts an edge proxy per region. HTTP pays the same distances, and obeys the same cuts, as all else. */
export async function startEdges(options: StartEdgesOptions): Promise<Edges> {
  const { regions, lab, wan, switches, onRequest } = options
  const machines = createMachineTable()
  const byRegion = new Map<string, Edge>()
  for (const [index, region] of regions.entries()) {
    const host = lab.host(index + 1)
    const edge = await startEdge({
      region,
      machines,
      host,
      port: await freePort(host, lab.ownAddresses ? USUAL_PORT : 0),
      app: `flyback-lab-${lab.number}`,
      // Fly's proxies keep connections to each other; only the last one opens one to a machine.
      dial: (from, to, address) => wan.tunnel(from, to, address),
      distance: (from, to) => wan.roundTripMs(from, to),
      switches,
      onRequest,
    })
    byRegion.set(region, edge)
  }
  return { machines, byRegion }
}
