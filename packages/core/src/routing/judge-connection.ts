import type { ScopeView } from '../scope/scope-view.js'
import type { ConnectionFacts, EndpointName } from './connection-facts.js'
import { decide, type Row } from './decision-table.js'

export interface ConnectionInput {
  readonly scope: ScopeView | undefined
  readonly endpoint: EndpointName
  readonly facts: ConnectionFacts
  /** The connection was opened before its endpoint changed members. */
  readonly outdated: boolean
}

export type ConnectionVerdict =
  | { readonly outcome: 'serve' }
  /** Hand it back unused and throw the scope's refusal. */
  | { readonly outcome: 'refused' }
  /** Hand it back unused and take one of the writer endpoint. */
  | { readonly outcome: 'writer' }
  /** Destroy it and take another, to a deadline; `standby`: then the primary is unavailable. */
  | { readonly outcome: 'retire'; readonly because: 'outdated' | 'standby' }

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
    title: 'any other connection serves, a promoted replica and a read-only primary included',
    when: () => true,
    gives: { outcome: 'serve' },
  },
]

/** May this connection serve? */
export function judgeConnection(input: ConnectionInput): ConnectionVerdict {
  return decide(JUDGE_CONNECTION, input)
}
