import type { Fault, History, Request as Recorded } from '../history/history.ts'
import { passEdge } from '../world/edge.ts'
import { readOutcome } from '../world/read-outcome.ts'
import type { World } from '../world/world.ts'
import { Clients } from './clients.ts'
import { describeFault, injectFault } from './inject-fault.ts'
import type { FaultStep, Plan, RequestStep, Step } from './step.ts'

/** The next step does not wait longer for an answer. */
const PATIENCE_MS = 300
/** What is still going on in the end has so long to end. */
const END_MS = 8000

let runs = 0

/** Plays a plan in a world that is whole, and returns what happened. The world is mended after it. */
export async function play(world: World, plan: Plan): Promise<History> {
  await world.deploy()
  const playing = new Playing(world)
  for (const [index, step] of plan.entries()) await playing.take(step, index)
  return await playing.end()
}

class Playing {
  readonly #world: World
  readonly #run = ++runs
  readonly #places: readonly string[]
  readonly #clients = new Clients()
  readonly #requests: Recorded[] = []
  readonly #faults: Fault[] = []
  readonly #flying = new Set<Promise<void>>()
  #held: { readonly at: number; readonly arrive: () => void }[] = []
  #tags = 0

  constructor(world: World) {
    this.#world = world
    this.#places = world.places()
  }

  async take(step: Step, index: number): Promise<void> {
    const due = this.#held.filter(({ at }) => at <= index)
    this.#held = this.#held.filter(({ at }) => at > index)
    for (const { arrive } of due) arrive()
    if (step.type === 'request') return await this.#request(step, index)
    if (step.type === 'pause') return await after(step.delayMs)
    await this.#fault(step, index)
  }

  async #fault(step: FaultStep, index: number): Promise<void> {
    const world = this.#world
    const beginMs = performance.now()
    const demoted = world.lab.primaryRegion
    const region = this.#places[step.place] ?? ''
    const lose = (client: number): Promise<void> => this.#loseWrite(client, index)
    const failure = await injectFault(world, step, region, lose).then(
      () => '',
      (error: unknown) => ` (${String(error).split('\n')[0]})`,
    )
    const promoted = world.lab.primaryRegion
    this.#faults.push({
      what: `${describeFault(step, this.#places)}${failure}`,
      beginMs,
      endMs: performance.now(),
      ...(promoted !== demoted && { demoted, promoted }),
    })
  }

  async end(): Promise<History> {
    const world = this.#world
    for (const region of world.lab.regions) world.heal(region)
    await Promise.race([Promise.all(this.#flying), after(END_MS)])
    await world.mend()
    const outcome = await readOutcome(world, this.#run)
    return { withinMs: world.withinMs, requests: this.#requests, faults: this.#faults, outcome }
  }

  async #request(step: RequestStep, index: number): Promise<void> {
    const client = this.#clients.get(step.client)
    const handed =
      step.handedOverBy === undefined ? undefined : this.#clients.get(step.handedOverBy).last
    const record: Recorded = {
      id: this.#requests.length,
      client: `c${step.client}`,
      method: step.method,
      level: step.level,
      region: this.#places[step.place] ?? '',
      sentMs: performance.now(),
      token: client.token,
      ...(handed !== undefined && { handedOver: handed.request }),
      deliveries: [],
    }
    this.#requests.push(record)
    const operations = step.operations.map(({ kind, level }) => ({
      kind,
      ...(level !== undefined && { level }),
      ...(!kind.startsWith('read') && { tag: `w${this.#tags++}` }),
    }))
    const { method } = step
    const cookie = client.jar.header
    const request = (): Request =>
      new Request(`https://app.example/${step.policy}/${step.level}`, {
        method,
        headers: { cookie },
        ...(method === 'POST' && { body: 'x' }),
      })
    const { serving } = this.#world
    const work = { run: this.#run, operations, token: handed?.token }
    const reaches = (from: string, to: string): boolean => this.#world.reaches(from, to)
    const answered = passEdge(serving, reaches, { record, work, request }).then(
      async (response) => {
        record.status = response.status
        const told =
          response.headers.get('content-type')?.includes('json') === true
            ? await response.json()
            : undefined
        const token: unknown = Reflect.get(Object(told), 'token')
        const arrive = (): void => {
          client.jar.take(response.headers.getSetCookie())
          record.receivedMs = performance.now()
          record.receivedAt = Date.now() / 1000
          record.tokenAfter = client.token
          if (typeof token === 'string') client.last = { request: record.id, token }
        }
        if (step.isLost) return
        if (step.holds > 0) this.#held.push({ at: index + step.holds, arrive })
        else arrive()
      },
    )
    const flight = answered.catch(() => undefined).then(() => void this.#flying.delete(flight))
    this.#flying.add(flight)
    if (step.waits) await Promise.race([flight, after(PATIENCE_MS)])
  }

  /** A write in the region of the primary that is cut off. */
  #loseWrite(client: number, index: number): Promise<void> {
    return this.#request(
      {
        type: 'request',
        client,
        place: this.#places.indexOf(this.#world.lab.primaryRegion),
        level: 'session',
        policy: 'replay',
        method: 'POST',
        operations: [{ kind: 'write' }],
        holds: 0,
        isLost: false,
        waits: true,
      },
      index,
    )
  }
}

function after(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs))
}
