import { isIPv4 } from 'node:net'
import { isArea } from './region-areas.js'

/** An app server on this computer that the edges may send requests to. */
export interface Machine {
  /** Unique in its table. Letters, digits, `_` and `-`: it is written into headers. */
  readonly id: string
  /** Where the machine is said to be: a region code, not an area such as `eu`. */
  readonly region: string
  /** A loopback address (127.0.0.0/8 or ::1). Others are refused: a lab sends nothing off the computer. */
  readonly host: string
  readonly port: number
  /** The app the machine belongs to. @default 'app' */
  readonly app?: string
}

/** Whether the proxy considers a machine able to take requests. */
export type MachineHealth = 'up' | 'down'

/** One machine in a table; disposing it takes the machine out (a second time does nothing). */
export interface MachineEntry extends Disposable {
  readonly machine: Required<Machine>
  readonly health: MachineHealth
  /** What a health check would have found. `down` machines receive nothing. */
  setHealth(health: MachineHealth): void
}

/** Every machine the edges know. Edges route by this table and nothing else; several edges share one. */
export interface MachineTable {
  /** @throws RangeError for an address that is not loopback, a name outside the closed form, or an id already in the table. */
  add(machine: Machine): MachineEntry
  /** The machines in the order they were added, those of one region when it is given. */
  list(region?: string): readonly MachineEntry[]
  find(id: string): MachineEntry | undefined
}

const nameForm = /^[A-Za-z0-9_-]{1,64}$/
const regionForm = /^[a-z][a-z0-9]{1,15}$/

/** Makes an empty table of machines, to be shared by the edges of one lab. */
export function createMachineTable(): MachineTable {
  const entries = new Map<string, MachineEntry>()
  return {
    add(given) {
      const machine = { ...given, app: given.app ?? 'app' }
      refuseOutsiders(machine)
      if (entries.has(machine.id))
        throw new RangeError(`machine ${machine.id} is already in the table`)
      let health: MachineHealth = 'up'
      const entry: MachineEntry = {
        machine,
        get health() {
          return health
        },
        setHealth(next) {
          health = next
        },
        [Symbol.dispose]() {
          if (entries.get(machine.id) === entry) entries.delete(machine.id)
        },
      }
      entries.set(machine.id, entry)
      return entry
    },
    list: (region) =>
      [...entries.values()].filter(
        (entry) => region === undefined || entry.machine.region === region,
      ),
    find: (id) => entries.get(id),
  }
}

function refuseOutsiders({ id, app, region, host, port }: Required<Machine>): void {
  if (!nameForm.test(id)) throw new RangeError('a machine id is 1 to 64 of A-Z a-z 0-9 _ -')
  if (!nameForm.test(app)) throw new RangeError('an app name is 1 to 64 of A-Z a-z 0-9 _ -')
  if (!regionForm.test(region) || isArea(region)) {
    throw new RangeError('a region is a short lower-case code, and not the name of an area')
  }
  if (!isLoopback(host)) {
    throw new RangeError(`machine ${id} is not on a loopback address (127.0.0.0/8 or ::1)`)
  }
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new RangeError(`machine ${id} has no valid port`)
  }
}

/** Whether an address is one that never leaves the computer. Names, such as `localhost`, are not. */
export function isLoopback(host: string): boolean {
  return host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
