import { connect } from 'node:net'
import type { Duplex } from 'node:stream'
import { type EdgeClock, systemClock } from './edge-clock.js'
import type { EdgeRecord } from './edge-record.js'
import type { MachineTable } from './machine-table.js'
import type { SessionCacheRule } from './session-cache-rule.js'

/** What Fly does not document, or documents twice. The defaults are what an app has to be ready for. */
export interface EdgeSwitches {
  /**
   * The largest request body that can be replayed, in bytes. Fly's routing page says 1 MB, its error page 10 MB.
   * @default 1_048_576
   * @see docs/lab-edge-rules.md
   */
  readonly replayBufferBytes?: number
  /**
   * Whether `fly-replay-src`, `fly-replay-failed`, `fly-replay-cache-status` and `fly-preferred-instance-unavailable` from
   * a client are taken off. `false` lets a client pretend that its request was replayed.
   * @default true
   * @see docs/lab-edge-rules.md
   */
  readonly stripReplaySource?: boolean
  /**
   * Whether HEAD and OPTIONS are replayed like other methods. When not, the client gets the answer that asked for it.
   * @default true
   * @see docs/lab-edge-rules.md
   */
  readonly replayHeadAndOptions?: boolean
  /**
   * Whether the cookies that an answer with a replay sets reach the client with the final answer.
   * @default false
   * @see docs/lab-edge-rules.md
   */
  readonly keepReplayCookies?: boolean
  /**
   * What happens to a `state` outside `[A-Za-z0-9_.:-]`: Fly documents no quoting, so it is passed on as it is, or is PA03.
   * @default 'pass'
   * @see docs/lab-edge-rules.md
   */
  readonly unsafeState?: 'pass' | 'refuse'
  /**
   * What a session rule does with a replay that a cache may not hold (`state`, `timeout`, `fallback`, transforms): not cache
   * it, or cache its target alone. "Every replay of a matching request is cached" can be read as the second.
   * @default 'skip'
   * @see docs/lab-edge-rules.md
   */
  readonly uncacheableSession?: 'skip' | 'cache-target'
  /**
   * How often the edge tries again to open a connection.
   * @default 90
   * @see docs/lab-edge-rules.md: documented, without the time between
   */
  readonly retries?: number
  /** The pause before machines that refused are tried again. Not documented. @default 10 */
  readonly retryDelayMs?: number
  /** How long one connection may take to open. Not documented. @default 5000 */
  readonly connectTimeoutMs?: number
  /** How long the edge tries in all when a replay names no `timeout`. Documented as "a while". @default 30_000 */
  readonly giveUpAfterMs?: number
}

/** Opens the way to a machine. The stream may still be connecting if it says so (`connecting`, then `connect`), as sockets do. */
export type Dial = (from: string, to: string, address: { host: string; port: number }) => Duplex

/** How to start an edge. Region and machines are required. */
export interface EdgeOptions {
  /** Where this edge is: the region of the clients that come to it. */
  readonly region: string
  readonly machines: MachineTable
  /** The app whose public address this edge is. @default 'app' */
  readonly app?: string
  /** The listening address. Loopback only. @default '127.0.0.1' */
  readonly host?: string
  /** @default 0, any free port */
  readonly port?: number
  /** The distance between regions. @default a plain TCP connection */
  readonly dial?: Dial
  /** Which region is nearer, in any unit. @default all alike: the order of the table decides */
  readonly distance?: (from: string, to: string) => number
  /** Whether an app may replay to another (organisations and networks, on Fly); no is PA05. @default always */
  readonly authorizeReplay?: (from: string, to: string) => boolean
  /** What clients are said to speak, in X-Forwarded-Proto and -Ssl. The edge itself has no TLS. @default 'http' */
  readonly protocol?: 'http' | 'https'
  /** Leaves Fly-Request-Id off answers, as `pristine` in fly.toml. @default false */
  readonly pristine?: boolean
  /** Session-based replay caching, as in fly.toml. @default none */
  readonly replayCache?: readonly SessionCacheRule[]
  readonly switches?: EdgeSwitches
  /** @default the computer's clock */
  readonly clock?: EdgeClock
  /** Called once for each finished request. What it throws becomes a process warning. */
  readonly onRequest?: (record: EdgeRecord) => void
}

/** The options with every default filled in. */
export interface EdgeSettings extends Required<Omit<EdgeOptions, 'switches'>> {
  readonly switches: Required<EdgeSwitches>
}

const defaultSwitches: Required<EdgeSwitches> = {
  replayBufferBytes: 1_048_576,
  stripReplaySource: true,
  replayHeadAndOptions: true,
  keepReplayCookies: false,
  unsafeState: 'pass',
  uncacheableSession: 'skip',
  retries: 90,
  retryDelayMs: 10,
  connectTimeoutMs: 5000,
  giveUpAfterMs: 30_000,
}

/** Fills in the defaults of an edge. */
export function readEdgeOptions(options: EdgeOptions): EdgeSettings {
  return {
    app: 'app',
    host: '127.0.0.1',
    port: 0,
    dial: (_from, _to, address) => connect({ ...address, noDelay: true }),
    distance: () => 0,
    authorizeReplay: () => true,
    protocol: 'http',
    pristine: false,
    replayCache: [],
    clock: systemClock,
    onRequest: () => undefined,
    ...options,
    switches: { ...defaultSwitches, ...options.switches },
  }
}
