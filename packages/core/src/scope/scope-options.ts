import type { Role } from '../deployment/detect-deployment.js'
import type { ForwardReason, RequestStarted } from '../diagnostics/flyback-events.js'
import type { Consistency } from '../tokens/consistency.js'
import type { TokenEntry } from '../tokens/token.js'

export interface ScopeOptions {
  readonly role: Role
  /** Where a replay would go; `undefined` in the role `single`. */
  readonly primaryRegion: string | undefined
  /**
   * Whether this work may still be replayed: a replay platform is there, and the request was not replayed before. If not, a
   * write that a replica refuses runs on the writer.
   */
  readonly canReplay: boolean
  /** Opens as `forwarding`, and why: every statement goes to the writer endpoint; `true` is `asked`. @default false */
  readonly forward?: boolean | ForwardReason
  /** This request was replayed to us by another region. @default false */
  readonly replayed?: boolean
  /** The request as it is told on diagnostics_channel. */
  readonly request?: RequestStarted | undefined
  /** What its reads must have seen. @default 'session' */
  readonly consistency?: Consistency
  /** What it came with; asked again as long as that is nothing. @default nothing */
  readonly token?: readonly TokenEntry[] | (() => readonly TokenEntry[])
  /** Whether what it commits is captured; not when nobody could carry the token. @default true */
  readonly captures?: boolean
  /** Whether statements that look like reads may write: the request has an unsafe method. @default whether it was replayed */
  readonly mayWrite?: boolean
  /** Hears of the token, each time it grows. */
  readonly onCapture?: (token: string) => void
}
