import { decide, type ForwardReason, type Role, type Row } from '@flyback/core'
import type { ToldRequest } from './diagnostics/told-request.js'
import type { ReplayOrigin } from './platform/replay-platform.js'
import type { PolicyChoice } from './policy.js'

/** A request's body against the platform's limit; `unknown` until it was measured. */
export type BodySize = 'none' | 'within' | 'over' | 'unknown'

export interface AdmissionInput extends PolicyChoice {
  readonly role: Role
  /** The method promises to change nothing. */
  readonly safe: boolean
  /** A replay platform is there. */
  readonly canReplay: boolean
  readonly origin: ReplayOrigin
  readonly body: BodySize
  /** What becomes of a request that was replayed before, or is too large. */
  readonly whenNotReplayable: 'forward' | 'fail'
  /** The replica here is known to lack what its client has seen. @default false */
  readonly stale?: boolean
  /** The app says the policy later; until then the request is attempted, and refused for nothing. @default false */
  readonly undecided?: boolean
  /** Hears of every decision, and decides nothing. */
  readonly told?: ToldRequest | undefined
}

export type Admission =
  /** Nothing is done to the request. */
  | { readonly outcome: 'pass' }
  /** The body has to be measured first; then ask again. */
  | { readonly outcome: 'measure' }
  /** The handler runs, in a scope. */
  | {
      readonly outcome: 'open'
      readonly canReplay: boolean
      readonly forward: ForwardReason | false
    }
  | { readonly outcome: 'replay'; readonly reason: 'method' | 'route' | 'stale' }
  | { readonly outcome: 'refuse'; readonly because: 'replayed' | 'too-large' | 'busy' }

const forward = (because: ForwardReason): Admission => ({
  outcome: 'open',
  canReplay: false,
  forward: because,
})
const cameBack = ({ replayed, cached, failed }: ReplayOrigin): boolean =>
  replayed || cached || failed

/** May this request run here, and how? First match wins; the last row matches everything. */
export const ADMISSION: readonly Row<AdmissionInput, Admission>[] = [
  {
    title: 'role single leaves every request alone',
    when: ({ role }) => role === 'single',
    gives: { outcome: 'pass' },
  },
  {
    title: 'rule 3: role primary serves every request and replays none',
    when: ({ role }) => role === 'primary',
    gives: { outcome: 'open', canReplay: false, forward: false },
  },
  {
    title: 'policy forward opens as forwarding',
    when: ({ policy }) => policy === 'forward',
    gives: forward('policy'),
  },
  {
    title: 'without a replay platform a request of a client that has seen more opens as forwarding',
    when: ({ canReplay, stale, policy }) => !canReplay && stale === true && policy === 'attempt',
    gives: forward('stale'),
  },
  {
    title: 'without a replay platform a safe method is attempted and cannot be replayed',
    when: ({ canReplay, safe, policy }) => !canReplay && safe && policy === 'attempt',
    gives: { outcome: 'open', canReplay: false, forward: false },
  },
  {
    title: 'without a replay platform everything else opens as forwarding',
    when: ({ canReplay }) => !canReplay,
    gives: forward('no-platform'),
  },
  {
    title: 'rule 2: a request that was replayed, or could not be, is refused by option',
    when: ({ origin, whenNotReplayable }) => cameBack(origin) && whenNotReplayable === 'fail',
    gives: { outcome: 'refuse', because: 'replayed' },
  },
  {
    title: 'rule 2: a request that was replayed, or could not be, opens as forwarding',
    when: ({ origin }) => cameBack(origin),
    gives: forward('came-back'),
  },
  {
    title: 'a body of unknown size is measured before anything else',
    when: ({ body }) => body === 'unknown',
    gives: { outcome: 'measure' },
  },
  {
    title: 'a body over the limit is refused by option',
    when: ({ body, whenNotReplayable }) => body === 'over' && whenNotReplayable === 'fail',
    gives: { outcome: 'refuse', because: 'too-large' },
  },
  {
    title: 'a body over the limit opens as forwarding',
    when: ({ body }) => body === 'over',
    gives: forward('too-large'),
  },
  {
    title: 'policy replay by a rule replays before the handler',
    when: ({ policy, by }) => policy === 'replay' && by === 'route',
    gives: { outcome: 'replay', reason: 'route' },
  },
  {
    title: 'policy replay by the method replays before the handler',
    when: ({ policy }) => policy === 'replay',
    gives: { outcome: 'replay', reason: 'method' },
  },
  {
    title:
      'a request of a client that has seen more than the replica here is replayed before its handler',
    when: ({ stale }) => stale === true,
    gives: { outcome: 'replay', reason: 'stale' },
  },
  {
    title: 'everything else is attempted and replayed when refused',
    when: () => true,
    gives: { outcome: 'open', canReplay: true, forward: false },
  },
]

/** What becomes of this request? */
export function decideAdmission(input: AdmissionInput): Admission {
  const admission =
    input.undecided === true
      ? decide(ADMISSION, {
          ...input,
          policy: 'attempt',
          whenNotReplayable: 'forward',
          stale: false,
        })
      : decide(ADMISSION, input)
  input.told?.admitted(admission, input)
  return admission
}
