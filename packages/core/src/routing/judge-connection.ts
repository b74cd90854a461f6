import type { ScopeView } from '../scope/scope-view.js'
import type { ConnectionFacts, EndpointName } from './connection-facts.js'
import { decide, type Row } from './decision-table.js'
import type { Freshness } from './freshness.js'

export interface ConnectionInput {
  readonly scope: ScopeView | undefined
  readonly endpoint: EndpointName
  readonly facts: ConnectionFacts
  /** The connection was opened before its endpoint changed members. */
  readonly outdated: boolean
  /** How its member stands to what the scope's reads must have seen. @default 'free' */
  readonly freshness?: Freshness
}

export type ConnectionVerdict =
  | { readonly outcome: 'serve' }
  /** Hand it back unused and throw the scope's refusal. */
  | { readonly outcome: 'refused' }
  /** Hand it back unused and take one of the writer endpoint. */
  | { readonly outcome: 'writer' }
  /** Destroy it and take another, to a deadline; `standby`: then the primary is unavailable. */
  | { readonly outcome: 'retire'; readonly because: 'outdated' | 'standby' }
  /** Ask the member where it is, as a statement of its own, and judge again. */
  | { readonly outcome: 'ask' }
  /** Hand it back unused, wait for the member without it, and take another; in the end only the primary can serve. */
  | { readonly outcome: 'wait' }
  /** Hand it back unused: only the primary can serve. */
  | { readonly outcome: 'stale' }
  /** Hand it back unused: nothing can serve, for the member is none to be trusted as the primary. */
  | { readonly outcome: 'old-timeline' }

/** The second table: after checkout, before anything is sent. First match wins; the last row matches everything. */
export const JUDGE_CONNECTION: readonly Row<ConnectionInput, ConnectionVerdict>[] = [
  {
    title: 'a scope refused while it waited for a connection sends nothing on it',
    when: ({ scope }) => scope?.state === 'replaying',
    gives: { outcome: 'refused' },
  },
  {
    title: 'a replica connection is left when its scope began to forward while it waited',
    when: ({ scope, endpoint }) => scope?.state === 'forwarding' && endpoint === 'replica',
    gives: { outcome: 'writer' },
  },
  {
    title: 'a writer connection that announced in_hot_standby=on is retired',
    when: ({ endpoint, facts }) => endpoint === 'writer' && facts.inHotStandby === true,
    gives: { outcome: 'retire', because: 'standby' },
  },
  {
    title: 'a connection of an old epoch is retired',
    when: ({ outdated }) => outdated,
    gives: { outcome: 'retire', because: 'outdated' },
  },
  {
    title: 'rule 10: a writer whose timeline ends before what was seen serves nothing',
    when: ({ freshness }) => freshness === 'old-timeline',
    gives: { outcome: 'old-timeline' },
  },
  {
    title: 'rule 10: a member whose cluster or timeline is unproven leaves the work to the primary',
    when: ({ freshness }) => freshness === 'unproven',
    gives: { outcome: 'stale' },
  },
  {
    title: 'rule 8: a member that may not be there yet is asked, as a statement of its own',
    when: ({ freshness }) => freshness === 'unknown',
    gives: { outcome: 'ask' },
  },
  {
    title: 'rule 13: a member that is behind is waited for without its connection',
    when: ({ freshness }) => freshness === 'behind',
    gives: { outcome: 'wait' },
  },
  {
    title: 'any other connection serves, a promoted replica and a read-only primary included',
    when: () => true,
    gives: { outcome: 'serve' },
  },
]

/** May this connection serve? */
export function judgeConnection(input: ConnectionInput): ConnectionVerdict {
  return decide(JUDGE_CONNECTION, input)
}
