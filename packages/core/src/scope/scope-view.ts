/**
 * - `open`: nothing was refused and nothing was sent to the writer
 * - `replaying`: something was refused; nothing more is sent, and the request runs again in the primary region
 * - `forwarding`: something was sent to the writer; the work stays here and is never replayed
 *
 * First wins; neither reverses.
 */
export type ScopeState = 'open' | 'replaying' | 'forwarding'

/** What the decision tables see of a scope, for one cluster. */
export interface ScopeView {
  readonly state: ScopeState
  /** A refusal now would replay the request. */
  readonly replayable: boolean
  /** It could not be replayed from its start, or stays by choice: what a replica refuses runs on the writer, where nothing is lost by it. */
  readonly staysHere: boolean
  /** A statement of this scope went to a replica of this cluster. */
  readonly usedReplica: boolean
  readonly replayed: boolean
  /** Its reads must have seen everything. */
  readonly strong: boolean
}
