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
  /**
   * How long a read waits for the replica to replay what its client has seen, in milliseconds; then the request is replayed, or the
   * read goes to the primary. `0` does not wait. A replica at the far end of the world is there 3 to 8 ms after the response that
   * carried the token, and within 200 ms under heavy load (measured).
   *
   * @default 250
   */
  readonly maxWaitMs?: number | undefined
  /**
   * How many pieces of work of this process may be at the primary at once because their replica is stale or down. What comes on top
   * fails with PrimaryUnavailable, which the middleware answers with 503.
   *
   * @default 100
   */
  readonly maxFallbacks?: number | undefined
  /** Who knows where the primary is. @default the region variables */
  readonly locator?: PrimaryLocator | undefined
}

type Check = (value: unknown) => boolean

/** What each option may be, for users of JavaScript; and no others, so that a misspelt one does not pass in silence. */
const CHECKS: Readonly<Record<keyof FlybackOptions, readonly [expected: string, check: Check]>> = {
  env: ['an object of variables', isObject],
  replicaUrl: [
    'a URL, or an object of URLs by region',
    (value) => isText(value) || isObject(value),
  ],
  rewriteLoopback: ['true or false', (value) => typeof value === 'boolean'],
  whenReplicaDown: oneOf('forward', 'replay', 'fail'),
  advisoryLocks: oneOf('refuse', 'allow'),
  writerDeadlineMs: ['a number of milliseconds from 0', isTime],
  maxWaitMs: ['a number of milliseconds from 0', isTime],
  maxFallbacks: ['a whole number from 0', (value) => Number.isInteger(value) && Number(value) >= 0],
  locator: [
    'an object with a locate() method',
    (value) => isObject(value) && typeof Reflect.get(value, 'locate') === 'function',
  ],
}

/** @throws {@link ConfigurationError} naming the option whose value is none */
export function checkOptions(options: FlybackOptions): void {
  if (!isObject(options)) throw new ConfigurationError('flyback', 'must be an object of options')
  const checks = new Map(Object.entries(CHECKS))
  for (const [name, value] of Object.entries(options)) {
    const row = checks.get(name)
    if (row === undefined) {
      const known = [...checks.keys()].join(', ')
      throw new ConfigurationError(`flyback.${name}`, `is no option; there are ${known}`)
    }
    const [expected, check] = row
    if (value !== undefined && !check(value)) {
      throw new ConfigurationError(`flyback.${name}`, `must be ${expected}`)
    }
  }
}

function oneOf(...choices: readonly string[]): readonly [string, Check] {
  return [`one of: ${choices.join(', ')}`, (value) => choices.some((choice) => choice === value)]
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value < 2 ** 31
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}
