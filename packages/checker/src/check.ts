import fc from 'fast-check'
import type { History } from './history/history.ts'
import { anyPlan, type Profile } from './plan/any-plan.ts'
import { play } from './plan/play.ts'
import { smallerPlans } from './plan/smaller-plans.ts'
import type { Plan } from './plan/step.ts'
import { verify } from './verifiers/verify.ts'
import type { Violation } from './verifiers/violation.ts'
import type { World } from './world/world.ts'

export interface CheckOptions {
  readonly profile: Profile
  readonly seed: number
  /** Which of the seed's histories is the first: that of a failure. @default the first */
  readonly path?: string | undefined
  /** How many histories. */
  readonly histories: number
  /** No further history begins after so long. @default no limit */
  readonly limitMs?: number
  /** How long a failure is made smaller. @default 30_000 */
  readonly shrinkMs?: number
  /** Hears of each history. */
  readonly onHistory?: (history: History, violations: readonly Violation[]) => void
}

/** What was found, with the smallest history that shows it. */
export interface Finding {
  readonly seed: number
  readonly path: string
  readonly history: History
  readonly violations: readonly Violation[]
}

interface Played {
  readonly plan: Plan
  readonly history: History
  readonly violations: readonly Violation[]
}

/** A seed is good for so many: the next takes over, and where a check ends is near. */
const BATCH = 25

/** A smaller plan is played so often: what happens at the same time does not happen the same way twice. */
const TRIES = 3

/** Plays random plans until one shows a violation, and makes that smaller. */
export async function check(world: World, options: CheckOptions): Promise<Finding | undefined> {
  const { profile, seed, path, histories, limitMs, shrinkMs = 30_000, onHistory } = options
  const untilMs = performance.now() + (limitMs ?? Number.POSITIVE_INFINITY)
  let failed: Played | undefined

  async function playOnce(plan: Plan): Promise<Played> {
    const history = await play(world, plan)
    const violations = verify(history)
    onHistory?.(history, violations)
    return { plan, history, violations }
  }

  const property = fc.asyncProperty(anyPlan(profile), async (plan) => {
    if (performance.now() > untilMs) return true
    const played = await playOnce(plan)
    if (played.violations.length > 0) failed = played
    return failed === undefined
  })
  for (let played = 0; played < histories && performance.now() < untilMs; played += BATCH) {
    const details = await fc.check(property, {
      seed: seed + played / BATCH,
      numRuns: Math.min(BATCH, histories - played),
      endOnFailure: true,
      ...(path !== undefined && { path }),
    })
    if (failed !== undefined) {
      const { history, violations } = await shrink(failed, playOnce, shrinkMs)
      return { seed: details.seed, path: details.counterexamplePath ?? '', history, violations }
    }
    if (details.failed) {
      throw new Error('A history could not be played', { cause: details.errorInstance })
    }
  }
  return undefined
}

/** The smallest plan that still shows the first promise that was broken. */
async function shrink(
  failed: Played,
  playOnce: (plan: Plan) => Promise<Played>,
  limitMs: number,
): Promise<Played> {
  const promise = failed.violations[0]?.promise
  const untilMs = performance.now() + limitMs

  async function isShownBy(plan: Plan): Promise<Played | undefined> {
    for (let tries = 0; tries < TRIES && performance.now() < untilMs; tries++) {
      const played = await playOnce(plan)
      if (played.violations.some((violation) => violation.promise === promise)) return played
    }
    return undefined
  }

  let smallest = failed
  for (let found: Played | undefined = failed; found !== undefined; ) {
    smallest = found
    found = undefined
    for (const plan of smallerPlans(smallest.plan)) {
      if (performance.now() > untilMs) return smallest
      found = await isShownBy(plan)
      if (found !== undefined) break
    }
  }
  return smallest
}
