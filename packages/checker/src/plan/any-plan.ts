import fc from 'fast-check'
import type { Level } from '../history/history.ts'
import type { FailoverStep, Plan, RequestStep, Step } from './step.ts'

type Weighted<T> = readonly (readonly [weight: number, value: T])[]

/** How often what is done. */
export interface Profile {
  readonly steps: number
  readonly clients: number
  readonly places: number
  readonly levels: Weighted<Level>
  readonly operations: Weighted<RequestStep['operations'][number]['kind']>
  /** In one request, at most. */
  readonly operationsEach: number
  /** Levels of single operations; `undefined`: that of the request. */
  readonly ownLevels: Weighted<Level | undefined>
  readonly policies: Weighted<RequestStep['policy']>
  readonly weights: Readonly<Record<Step['type'], number>>
  /** Of 100 requests. */
  readonly gets: number
  /** Of 100 answers. */
  readonly held: number
  readonly lost: number
  readonly unawaited: number
  readonly handedOver: number
  /** What is the same in all failovers. */
  readonly failover?: Partial<FailoverStep>
}

/** Everything, so that what nobody thought of may come together. */
export const MIXED: Profile = {
  steps: 40,
  clients: 3,
  places: 3,
  levels: [
    [6, 'session'],
    [2, 'monotonic'],
    [1, 'eventual'],
    [1, 'strong'],
    [2, 'within'],
  ],
  operations: [
    [10, 'read'],
    [4, 'read-transaction'],
    [3, 'write'],
    [1.5, 'write-transaction'],
    [0.1, 'unknown-commit'],
  ],
  operationsEach: 3,
  ownLevels: [
    [12, undefined],
    [1, 'session'],
    [1, 'eventual'],
    [1, 'strong'],
    [1, 'within'],
  ],
  policies: [
    [4, 'replay'],
    [2, 'attempt'],
    [2, 'forward'],
  ],
  weights: {
    request: 40,
    freeze: 2,
    resume: 2,
    slow: 3,
    restart: 0.7,
    cut: 0.7,
    heal: 1,
    clone: 0.3,
    failover: 0.7,
    pause: 2,
  },
  gets: 70,
  held: 15,
  lost: 5,
  unawaited: 20,
  handedOver: 8,
}

/** Histories to be, of one profile. What is smaller comes first. */
export function anyPlan(profile: Profile): fc.Arbitrary<Plan> {
  const { weights, places } = profile
  const place = fc.nat(places - 1)
  const steps: Readonly<Record<Step['type'], fc.Arbitrary<Step>>> = {
    request: anyRequest(profile),
    failover: anyFailover(profile),
    freeze: fc.record({ type: fc.constant('freeze'), place }),
    resume: fc.record({ type: fc.constant('resume'), place }),
    restart: fc.record({ type: fc.constant('restart'), place }),
    clone: fc.record({ type: fc.constant('clone'), place }),
    cut: fc.record({ type: fc.constant('cut'), place }),
    heal: fc.record({ type: fc.constant('heal'), place }),
    slow: fc.record({ type: fc.constant('slow'), place, delayMs: fc.nat(200) }),
    pause: fc.record({ type: fc.constant('pause'), delayMs: fc.nat(80) }),
  }
  const kinds = Object.entries(steps).map(([type, arbitrary]) => ({
    arbitrary,
    weight: Math.round(10 * (weights[type as Step['type']] ?? 0)), // the keys are those of `steps`
  }))
  const step = fc.oneof(...kinds.filter(({ weight }) => weight > 0))
  // Without a bias, which prefers short ones: these show little.
  return fc.noBias(fc.array(step, { minLength: 1, maxLength: profile.steps, size: 'max' }))
}

function anyRequest(profile: Profile): fc.Arbitrary<RequestStep> {
  const { clients, places, levels, operations, ownLevels, policies } = profile
  const percent = (share: number): fc.Arbitrary<boolean> =>
    share === 0 ? fc.constant(false) : fc.nat(99).map((n) => n >= 100 - share)
  const operation = fc.record({ kind: weighted(operations), level: weighted(ownLevels) })
  return fc.record({
    type: fc.constant('request'),
    client: fc.nat(clients - 1),
    place: fc.nat(places - 1),
    method: percent(profile.gets).map((is) => (is ? 'GET' : 'POST')),
    policy: weighted(policies),
    level: weighted(levels),
    operations: fc.array(operation, { minLength: 1, maxLength: profile.operationsEach }),
    handedOverBy: percent(profile.handedOver).chain((is) =>
      is ? fc.nat(clients - 1) : fc.constant(undefined),
    ),
    holds: percent(profile.held).chain((is) =>
      is ? fc.integer({ min: 1, max: 5 }) : fc.constant(0),
    ),
    isLost: percent(profile.lost),
    waits: percent(profile.unawaited).map((is) => !is),
  })
}

function anyFailover({ clients, places, failover }: Profile): fc.Arbitrary<FailoverStep> {
  return fc
    .record({
      type: fc.constant('failover'),
      place: fc.nat(places - 1),
      loses: fc.option(fc.nat(clients - 1), { nil: undefined, freq: 2 }),
      isLonger: fc.boolean(),
      old: fc.constantFrom('gone', 'fresh', 'replica', 'primary'),
      redeploys: fc.boolean(),
    })
    .map((step) => ({ ...step, ...failover }))
}

function weighted<T>(choices: Weighted<T>): fc.Arbitrary<T> {
  return fc.oneof(
    ...choices.map(([weight, value]) => ({
      weight: Math.round(10 * weight),
      arbitrary: fc.constant(value),
    })),
  )
}
