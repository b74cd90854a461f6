import type { Environment } from '../deployment/detect-deployment.js'
import type { PrimaryLocator } from '../deployment/primary-locator.js'
import { ConfigurationError } from '../errors/configuration-error.js'
import type { ReplicaDownPolicy } from './judge-error.js'

/** Flyback's own options, the same in every adapter; under one key, `flyback`, so that they never meet a driver's. */
export interface FlybackOptions {
  /** Where the region variables and `DATABASE_URL` are read from. @default process.env */
  readonly env?: Environment | undefined
  /**
   * The replica endpoint: one URL, or one per region. Wins over `FLYBACK_REPLICA_URL_<REGION>`, `FLYBACK_REPLICA_URL` and
   * the 5432 -> 5433 convention.
   */
  readonly replicaUrl?: string | Readonly<Record<string, string>> | undefined
  /** Apply 5432 -> 5433 to loopback hosts too. @default false, or `FLYBACK_REWRITE_LOOPBACK=1` */
  readonly rewriteLoopback?: boolean | undefined
  /**
   * What a read does when the replica cannot be reached: `forward` it to the primary (the scope stays here from then
   * on), `replay` the request there, or `fail` with the driver's own error.
   *
   * @default 'forward'
   */
  readonly whenReplicaDown?: ReplicaDownPolicy | undefined
  /**
   * A replica grants advisory locks that exclude nobody elsewhere. `refuse` raises ReplayRequired before they are sent;
   * `allow` sends them.
   *
   * @default 'refuse'
   */
  readonly advisoryLocks?: 'refuse' | 'allow' | undefined
  /**
   * How long to look for a primary while the writer endpoint leads to a standby, in milliseconds. 1.3 s of that after a
   * switchover is normal (measured with Fly's HAProxy timings).
   *
   * @default 5000
   */
  readonly writerDeadlineMs?: number | undefined
  /** Who knows where the primary is. @default the region variables */
  readonly locator?: PrimaryLocator | undefined
}

/** The values of the options that are a choice, for users of JavaScript. */
const CHOICES: Readonly<Record<'whenReplicaDown' | 'advisoryLocks', readonly string[]>> = {
  whenReplicaDown: ['forward', 'replay', 'fail'],
  advisoryLocks: ['refuse', 'allow'],
}

/** @throws {@link ConfigurationError} naming the option whose value is none */
export function checkOptions(options: FlybackOptions): void {
  for (const [name, allowed] of Object.entries(CHOICES)) {
    const value: unknown = Reflect.get(options, name)
    if (value !== undefined && !allowed.some((choice) => choice === value)) {
      throw new ConfigurationError(`flyback.${name}`, `must be one of: ${allowed.join(', ')}`)
    }
  }
  const { writerDeadlineMs } = options
  if (writerDeadlineMs !== undefined && !(writerDeadlineMs >= 0 && writerDeadlineMs < 2 ** 31)) {
    throw new ConfigurationError(
      'flyback.writerDeadlineMs',
      'must be a number of milliseconds from 0',
    )
  }
}
