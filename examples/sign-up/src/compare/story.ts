import { setTimeout as sleep } from 'node:timers/promises'
import { type Answer, Visitor } from './visitor.ts'
import { FAR, type World, type Worlds } from './world.ts'

/** One answer, and how it came about. */
export interface Step extends Answer {
  /** Why the request was replayed in the primary region; undefined when it was not. */
  readonly replayed: string | undefined
}

/** What happens in each part. */
export interface Story {
  /** Without tokens, next to a replica that is frozen. */
  readonly before: readonly Step[]
  /** With them, next to the same replica. */
  readonly after: readonly Step[]
  /** A second after the replica went on. */
  readonly later: readonly Step[]
}

export type Part = keyof Story

/** How long an endpoint that kept a visitor waiting for too long counts as behind, and some. */
const UNTIL_ASKED_AGAIN_MS = 1100

/** Hears of the story as it goes on. */
export interface Listener {
  begins?(part: Part): void
  step?(step: Step): void
  ends?(steps: readonly Step[]): void
}

/** Lets a visitor sign up next to a frozen replica, without tokens and with them, and come back when it goes on. */
export async function tellStory(worlds: Worlds, listener: Listener = {}): Promise<Story> {
  const { lab, withoutTokens, withTokens } = worlds
  await warmUp(withoutTokens)
  await warmUp(withTokens)
  await lab.caughtUp()
  await lab.freeze(FAR)

  const ada = new Visitor(withoutTokens.url)
  const before = await tell('before', withoutTokens, [() => ada.visit('/sign-up', formOf('Ada'))])

  const grace = new Visitor(withTokens.url)
  const comeBack = (): Promise<Answer[]> => grace.visit('/dashboard')
  const after = await tell('after', withTokens, [
    () => grace.visit('/sign-up', formOf('Grace')),
    comeBack,
  ])

  await lab.resume(FAR)
  await lab.caughtUp(FAR)
  await sleep(UNTIL_ASKED_AGAIN_MS)
  const later = await tell('later', withTokens, [comeBack, comeBack])
  return { before, after, later }

  async function tell(
    part: Part,
    world: World,
    visits: readonly (() => Promise<Answer[]>)[],
  ): Promise<Step[]> {
    const steps: Step[] = []
    listener.begins?.(part)
    for (const visit of visits) {
      for (const answer of await visit()) {
        const step = { ...answer, replayed: await reasonOf(world, answer.requestId) }
        steps.push(step)
        listener.step?.(step)
      }
    }
    listener.ends?.(steps)
    return steps
  }
}

function formOf(name: string): Record<string, string> {
  return { name, password: `${name}'s own` }
}

/** Opens the connections of the apps, so that the times are those of requests and not of handshakes. */
async function warmUp({ url }: World): Promise<void> {
  const form = formOf('somebody')
  for (let round = 0; round < 2; round++) {
    const visitor = new Visitor(url)
    await visitor.visit('/sign-up', form)
    await visitor.visit('/log-in', form)
  }
}

/** The reason travels in the `state` of fly-replay, `flyback.1.<reason>`. */
async function reasonOf(world: World, requestId: string): Promise<string | undefined> {
  for (let turn = 0; turn < 50; turn++) {
    const record = world.record(requestId)
    if (record !== undefined) {
      const replay = record.hops.find((hop) => hop.replay !== undefined)?.replay
      return replay && (replay.state?.split('.').at(-1) ?? 'unknown')
    }
    await sleep(2)
  }
  return undefined
}
