import type { Role } from '../deployment/detect-deployment.js'
import type { ForwardReason } from '../diagnostics/flyback-events.js'
import type { ReplayReason } from '../errors/replay-required.js'
import type { ScopeView } from '../scope/scope-view.js'
import { decide, type Row } from './decision-table.js'

/**
 * What the caller knows before anything is sent: `write` when the work is known to write or lock, `primary` when it was
 * asked onto the primary (`pool.primary`), else `none`.
 */
export type Hint = 'none' | 'write' | 'primary'

export interface ChooseInput {
  readonly role: Role
  /** Whether a replica endpoint is known for this region. */
  readonly hasReplica: boolean
  readonly scope: ScopeView | undefined
  readonly hint: Hint
}

export type EndpointChoice =
  | { readonly outcome: 'replica' }
  /** `because`: why work of a replica region goes there, when that begins here. */
  | { readonly outcome: 'writer'; readonly because?: ForwardReason | undefined }
  | { readonly outcome: 'throw'; readonly reason: ReplayReason }

/** The first table: before a connection is checked out. First match wins; the last row matches everything. */
export const CHOOSE_ENDPOINT: readonly Row<ChooseInput, EndpointChoice>[] = [
  {
    title: 'roles single and primary use the writer endpoint',
    when: ({ role }) => role !== 'replica',
    gives: { outcome: 'writer' },
  },
  {
    title: 'a replaying scope sends nothing',
    when: ({ scope }) => scope?.state === 'replaying',
    gives: { outcome: 'throw', reason: 'write' },
  },
  {
    title: 'a forwarding scope uses the writer endpoint for everything',
    when: ({ scope }) => scope?.state === 'forwarding',
    gives: { outcome: 'writer' },
  },
  {
    title: 'without a known replica endpoint everything uses the writer endpoint',
    when: ({ hasReplica }) => !hasReplica,
    gives: { outcome: 'writer', because: 'no-replica' },
  },
  {
    title: 'work asked onto the primary after reads of the replica is replayed',
    when: ({ hint, scope }) =>
      hint === 'primary' && scope !== undefined && scope.replayable && scope.usedReplica,
    gives: { outcome: 'throw', reason: 'mixed-reads' },
  },
  {
    title: 'work asked onto the primary uses the writer endpoint',
    when: ({ hint }) => hint === 'primary',
    gives: { outcome: 'writer', because: 'asked' },
  },
  {
    title: 'a strong read after reads of the replica is replayed',
    when: ({ scope }) => scope?.strong === true && scope.replayable && scope.usedReplica,
    gives: { outcome: 'throw', reason: 'mixed-reads' },
  },
  {
    title: 'a strong read uses the writer endpoint',
    when: ({ hint, scope }) => hint !== 'write' && scope?.strong === true,
    gives: { outcome: 'writer', because: 'strong' },
  },
  {
    title:
      'a write known before it is sent uses the writer endpoint when its request could never be replayed',
    when: ({ hint, scope }) => hint === 'write' && scope?.staysHere === true,
    gives: { outcome: 'writer', because: 'write' },
  },
  {
    title: 'a write known before it is sent is refused with no round trip',
    when: ({ hint }) => hint === 'write',
    gives: { outcome: 'throw', reason: 'known-write' },
  },
  {
    title: 'everything else uses the replica endpoint',
    when: () => true,
    gives: { outcome: 'replica' },
  },
]

/** Which way, before a connection is checked out? */
export function chooseEndpoint(input: ChooseInput): EndpointChoice {
  return decide(CHOOSE_ENDPOINT, input)
}
