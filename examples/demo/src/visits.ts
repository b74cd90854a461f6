import { REGIONS, type Region, type World, type Worlds } from './world.ts'

/** One kind of request in the demo. */
export interface Step {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: object
  /** What the handler does, whatever its method says. */
  readonly kind: 'read' | 'write'
}

/** One request, as its visitor saw it. */
export interface Visit {
  readonly status: number
  readonly durationMs: number
  /** The region of the database server that answered. */
  readonly member: string
  /** Why the request was replayed; undefined when it was not. */
  readonly replayed: string | undefined
}

export interface Pair {
  readonly region: Region
  readonly step: Step
  readonly withFlyback: Visit
  readonly without: Visit
}

/** Who asks for what, until somebody ends the demo. */
export interface Visiting {
  readonly region: Region
  readonly step: Step
  readonly signal: AbortSignal
}

const READ: Step = { method: 'GET', path: '/', kind: 'read' }
const HIDDEN_WRITE: Step = { method: 'GET', path: '/visit', kind: 'write' }
const write = (author: string): Step => ({
  method: 'POST',
  path: '/entries',
  kind: 'write',
  body: { author, message: `hello from ${author}` },
})

/** What a visitor of each region does, in order. */
export function planOf(region: Region): readonly Step[] {
  return [READ, write(region), READ, HIDDEN_WRITE, READ]
}

/** Opens the connections of every app, so that the transcript compares requests and not handshakes. */
export async function warmUp(worlds: Worlds, signal: AbortSignal): Promise<void> {
  for (const world of [worlds.withFlyback, worlds.without]) {
    for (let round = 0; round < 2; round++) {
      await Promise.all(
        REGIONS.flatMap((region) =>
          [READ, write('somebody'), HIDDEN_WRITE].map((step) =>
            send(worlds, world, { region, step, signal }),
          ),
        ),
      )
    }
  }
}

let pairs = 0

/** Sends one request to both worlds, one after the other; they take turns at being first. */
export async function visitBoth(worlds: Worlds, visit: Visiting): Promise<Pair> {
  const { region, step } = visit
  if (pairs++ % 2 === 0) {
    const withFlyback = await send(worlds, worlds.withFlyback, visit)
    return { region, step, withFlyback, without: await send(worlds, worlds.without, visit) }
  }
  const without = await send(worlds, worlds.without, visit)
  return {
    region,
    step,
    withFlyback: await send(worlds, worlds.withFlyback, visit),
    without,
  }
}

async function send(
  worlds: Worlds,
  world: World,
  { region, step, signal }: Visiting,
): Promise<Visit> {
  const startedMs = performance.now()
  const response = await fetch(world.url(region, step.path), {
    method: step.method,
    signal,
    ...(step.body && {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(step.body),
    }),
  })
  const body: unknown = await response.json()
  const durationMs = performance.now() - startedMs
  const member = String(Reflect.get(Object(body), 'member'))
  return {
    status: response.status,
    durationMs,
    member: worlds.regionOf(member),
    replayed: await reasonOf(world, response.headers.get('fly-request-id') ?? ''),
  }
}

const REASONS: Readonly<Record<string, string>> = {
  method: 'unsafe method',
  write: 'refused as a write',
}

/** The reason travels in the `state` of fly-replay, `flyback.1.<reason>`. */
async function reasonOf(world: World, requestId: string): Promise<string | undefined> {
  for (let turn = 0; turn < 50; turn++) {
    const record = world.record(requestId)
    if (record !== undefined) {
      const replay = record.hops.find((hop) => hop.replay !== undefined)?.replay
      const reason = replay?.state?.split('.').at(-1)
      return replay && (REASONS[reason ?? ''] ?? reason ?? 'unknown')
    }
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  return undefined
}
