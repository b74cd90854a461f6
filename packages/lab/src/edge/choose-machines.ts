import type { Machine, MachineEntry, MachineTable } from './machine-table.js'
import { isInArea } from './region-areas.js'

/** What a request is looking for. */
export interface Target {
  readonly app: string
  /** In order, and binding. Regions, areas or `any`. @default ['any'] */
  readonly regions?: readonly string[]
  /** Binding. */
  readonly instance?: string
  /** Taken when it is up and fits the rest. */
  readonly preferInstance?: string
  /** The machine an `elsewhere` keeps out. */
  readonly exclude?: string
}

/** How an edge sees the world when it chooses. */
export interface Vantage {
  readonly region: string
  /** Smaller is nearer. */
  readonly distance: (from: string, to: string) => number
  /** Requests this edge has under way on each machine, by id. */
  readonly load: ReadonlyMap<string, number>
}

/**
 * The machines a request may go to, best first: in the order of its regions, inside an area the edge's own region first and
 * then the nearest, inside a region the least loaded. A region's machines are left out only when they are down.
 * A machine asked for by name is tried whatever its health ("multiple times if the Machine is unhealthy").
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#alternative-routing-headers
 */
export function chooseMachines(
  machines: MachineTable,
  vantage: Vantage,
  target: Target,
): readonly MachineEntry[] {
  const wanted = target.regions ?? ['any']
  const fits = ({ machine }: MachineEntry): boolean =>
    machine.app === target.app &&
    machine.id !== target.exclude &&
    wanted.some((name) => isInArea(machine.region, name))
  if (target.instance !== undefined) {
    const entry = machines.find(target.instance)
    return entry && fits(entry) ? [entry] : []
  }
  const rank = (machine: Machine): readonly number[] => [
    machine.id === target.preferInstance ? 0 : 1,
    wanted.findIndex((name) => isInArea(machine.region, name)),
    machine.region === vantage.region ? 0 : 1,
    vantage.distance(vantage.region, machine.region),
    vantage.load.get(machine.id) ?? 0,
  ]
  return machines
    .list()
    .filter((entry) => entry.health === 'up' && fits(entry))
    .toSorted((a, b) => compareRanks(rank(a.machine), rank(b.machine)))
}

function compareRanks(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at])
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0)
}
