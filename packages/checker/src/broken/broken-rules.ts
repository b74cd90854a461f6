import { Connection, Scope, type ScopeView, takePlace } from '@flyback/core'
import type { Profile } from '../plan/any-plan.ts'
import {
  EDGE,
  FORWARDED,
  LATE,
  MONOTONIC,
  REORDERED,
  SPLIT,
  STALE,
  UNKNOWN,
} from '../plan/profiles.ts'
import type { WorldOptions } from '../world/world.ts'
import { checkInSnapshot } from './check-in-snapshot.ts'
import { oneCookie } from './one-cookie.ts'
import { positionBeforeCommit } from './position-before-commit.ts'
import { replace } from './replace.ts'

/** A rule, broken on purpose, and the histories in which that shows. */
export interface BrokenRule {
  readonly what: string
  readonly profile: Profile
  readonly world?: WorldOptions
  /** Breaks it until it is disposed of. @default it is in how the world is set up */
  readonly break?: () => Disposable
  /** The promises that are not kept then. */
  readonly promises: readonly string[]
}

const RYW = ['read-your-writes']

/** By the number of the rule in SPEC.md, or by the name of a level. */
export const BROKEN_RULES: Readonly<Record<string, BrokenRule>> = {
  tokens: { what: 'no tokens', profile: STALE, world: { token: false }, promises: RYW },
  '6': {
    what: 'a write resolves without its token',
    profile: STALE,
    break: () => replace(Connection.prototype, 'owesCapture', () => () => false),
    promises: RYW,
  },
  '7': {
    what: 'the position is taken before COMMIT',
    profile: EDGE,
    break: positionBeforeCommit,
    promises: RYW,
  },
  '8': {
    what: 'a replica is read without a check',
    profile: STALE,
    break: () => trustReplica(() => true),
    promises: RYW,
  },
  '8-snapshot': {
    what: 'the check is in the snapshot of the read',
    profile: LATE,
    world: { maxWaitMs: 500 },
    break: checkInSnapshot,
    promises: RYW,
  },
  '10': {
    what: 'timelines count for nothing',
    profile: SPLIT,
    break: ignoreTimelines,
    promises: RYW,
  },
  '11': {
    what: 'one cookie with one name',
    profile: REORDERED,
    world: { wrap: oneCookie },
    promises: ['effective-token', ...RYW],
  },
  '12': {
    what: 'reads go back to the replica after a write',
    profile: FORWARDED,
    break: () =>
      viewScope((view) => (view.state === 'forwarding' ? { ...view, state: 'open' } : view)),
    promises: RYW,
  },
  '14': {
    what: 'over the cap the past is served',
    profile: STALE,
    world: { maxFallbacks: 1 },
    break: () => trustReplica(() => !hasPlace(1)),
    promises: RYW,
  },
  '18': {
    what: 'a commit of unknown outcome does not pin',
    profile: UNKNOWN,
    break: () => replace(tokensPrototype(), 'pin', () => () => {}),
    promises: RYW,
  },
  monotonic: {
    what: 'what a replica shows does not count as seen',
    profile: MONOTONIC,
    break: forgetReads,
    promises: ['monotonic-reads'],
  },
  strong: {
    what: 'strong reads are reads like others',
    profile: { ...STALE, levels: [[1, 'strong']] },
    break: () => viewScope((view) => ({ ...view, strong: false })),
    promises: ['strong'],
  },
  within: {
    what: 'the age of what a replica shows counts for nothing',
    profile: { ...STALE, levels: [[1, 'within']] },
    world: { withinMs: 5 },
    break: forgetAge,
    promises: ['within'],
  },
}

function hasPlace(limit: number): boolean {
  const place = takePlace(limit)
  place?.giveBack()
  return place !== undefined
}

function tokensPrototype(): Scope['tokens'] {
  const { tokens } = new Scope({ role: 'single', primaryRegion: undefined, canReplay: false })
  return Object.getPrototypeOf(tokens) as Scope['tokens'] // the class is not exported
}

/** A replica that lacks something is trusted all the same. */
function trustReplica(when: () => boolean): Disposable {
  return replace(
    Connection.prototype,
    'freshness',
    (original) =>
      function trusting(this: Connection, ...args) {
        const freshness = original.apply(this, args)
        const lacks = freshness === 'behind' || freshness === 'unproven' || freshness === 'unknown'
        return lacks && this.link.endpoint === 'replica' && when() ? 'free' : freshness
      },
  )
}

/** Every member is taken to be on the latest timeline there is. */
function ignoreTimelines(): Disposable {
  return replace(
    Connection.prototype,
    'freshness',
    (original) =>
      function timeless(this: Connection, ...args) {
        const { timeline } = this.proof
        this.proof.timeline = 0xffff_ffff
        try {
          return original.apply(this, args)
        } finally {
          this.proof.timeline = timeline
        }
      },
  )
}

/** Connections see another scope than there is. */
function viewScope(change: (view: ScopeView) => ScopeView): Disposable {
  return replace(
    Scope.prototype,
    'view',
    (original) =>
      function changed(this: Scope, cluster) {
        return change(original.call(this, cluster))
      },
  )
}

function forgetReads(): Disposable {
  return replace(
    Connection.prototype,
    'owesCapture',
    (original) =>
      function forgetting(this: Connection, scope, tags) {
        return this.leadsTo === 'writer' && original.call(this, scope, tags)
      },
  )
}

function forgetAge(): Disposable {
  return replace(
    Connection.prototype,
    'freshness',
    (original) =>
      function ageless(this: Connection, scope, asked, _floor, ...rest) {
        return original.call(this, scope, asked, undefined, ...rest)
      },
  )
}
