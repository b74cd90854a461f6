import type { Duplex } from 'node:stream'
import { chooseMachines } from './choose-machines.js'
import type { Delivery, EdgeState } from './exchange.js'
import type { Machine, MachineEntry } from './machine-table.js'
import { openConnection } from './open-connection.js'

/** A machine, and a connection to it on which nothing has been sent. */
export interface Reached {
  readonly machine: Required<Machine>
  readonly connection: Duplex
}

/** No connection was opened to any machine. */
export interface Unreached {
  readonly unreached: 'timeout' | 'retries_exhausted' | 'no_candidate'
  /** The last one tried. */
  readonly machine?: Required<Machine>
  readonly elapsedMs: number
}

/**
 * Opens a connection to the best machine for a delivery. A machine that refuses is left for the next one; when all have, they
 * are tried again after a pause. Ends when one accepts, none is left to choose, the retries are used up, or the time is.
 *
 * @see docs/lab-edge-rules.md: "failed" means that no connection to a machine was opened
 */
export async function reachMachine(
  { settings, load }: EdgeState,
  { target, timeoutMs }: Delivery,
  signal: AbortSignal,
): Promise<Reached | Unreached> {
  const { clock, machines, region, distance, dial, switches } = settings
  const startedMs = clock.nowMs()
  const budgetMs = timeoutMs ?? switches.giveUpAfterMs
  const elapsedMs = (): number => clock.nowMs() - startedMs
  const leftMs = (): number => Math.max(0, budgetMs - elapsedMs())
  const refused = new Set<string>()
  let last: Required<Machine> | undefined
  for (let attempt = 0; ; attempt += 1) {
    const candidates = chooseMachines(machines, { region, distance, load }, target)
    if (candidates.length > 0 && candidates.every(({ machine }) => refused.has(machine.id))) {
      refused.clear()
      await clock.sleep(Math.min(switches.retryDelayMs, leftMs()), signal)
    }
    signal.throwIfAborted()
    const entry = candidates.find(({ machine }) => !refused.has(machine.id))
    const unreached = whyStop(entry, attempt)
    if (!entry || unreached) {
      return {
        unreached: unreached ?? 'no_candidate',
        elapsedMs: elapsedMs(),
        ...(last && { machine: last }),
      }
    }
    last = entry.machine
    try {
      return { machine: entry.machine, connection: await open(entry) }
    } catch {
      // Refused, reset or too slow: all the same to a proxy that has sent nothing yet.
      signal.throwIfAborted()
      refused.add(entry.machine.id)
    }
  }

  function whyStop(
    entry: MachineEntry | undefined,
    attempt: number,
  ): Unreached['unreached'] | undefined {
    if (attempt > 0 && elapsedMs() >= budgetMs) return 'timeout'
    if (!entry) return attempt === 0 ? 'no_candidate' : 'retries_exhausted'
    return attempt > switches.retries ? 'retries_exhausted' : undefined
  }

  function open({ machine, health }: MachineEntry): Promise<Duplex> {
    if (health === 'down') return Promise.reject(new Error('the machine is down'))
    const { host, port } = machine
    const limitMs = Math.min(switches.connectTimeoutMs, leftMs())
    const dialled = (): Duplex => dial(region, machine.region, { host, port })
    return openConnection(dialled, { clock, timeoutMs: limitMs, signal })
  }
}
