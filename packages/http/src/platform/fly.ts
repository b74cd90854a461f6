import { ConfigurationError } from '@flyback/core'
import type { HeaderPlatform, ReadHeader, ReplayOrder, ReplayOrigin } from './replay-platform.js'
import { findReplayState, formatReplayState } from './replay-state.js'

export interface FlyOptions {
  /**
   * The largest request body that Fly's proxy can replay, in bytes. Fly documents 1 MB on one page and 10 MB on another; a
   * larger body is forwarded, never lost.
   *
   * @default 1_000_000
   */
  readonly maxBodyBytes?: number
  /** How long the proxy tries to reach the primary region, in milliseconds. @default the proxy's own patience */
  readonly timeoutMs?: number
  /**
   * Who gets the request when the primary region cannot be reached: this machine if it can, else any (`prefer_self`); this
   * machine only (`force_self`); nobody, the proxy answers with an error (`none`).
   *
   * @default 'prefer_self'
   */
  readonly fallback?: 'prefer_self' | 'force_self' | 'none'
}

const FALLBACKS: ReadonlySet<unknown> = new Set(['prefer_self', 'force_self', 'none'])

/**
 * Fly's proxy: `fly-replay` in an answer, `fly-replay-src` and its companions in the request that comes of it.
 *
 * @throws {@link ConfigurationError} for an option out of range
 * @see https://fly.io/docs/networking/dynamic-request-routing/ (read 2026-11-24)
 */
export function fly(options: FlyOptions = {}): HeaderPlatform {
  const { maxBodyBytes = 1_000_000, timeoutMs, fallback = 'prefer_self' } = options
  if (!Number.isSafeInteger(maxBodyBytes) || maxBodyBytes < 0) {
    throw new ConfigurationError('fly({ maxBodyBytes })', 'must be a whole number of bytes')
  }
  if (timeoutMs !== undefined && !(Number.isSafeInteger(timeoutMs) && timeoutMs > 0)) {
    throw new ConfigurationError('fly({ timeoutMs })', 'must be a whole number of milliseconds')
  }
  if (!FALLBACKS.has(fallback)) {
    throw new ConfigurationError('fly({ fallback })', 'must be prefer_self, force_self or none')
  }
  const tail = [
    ...(timeoutMs === undefined ? [] : [`timeout=${timeoutMs}ms`]),
    ...(fallback === 'none' ? [] : [`fallback=${fallback}`]),
  ]

  return {
    name: 'fly',
    encode({ region, reason }: ReplayOrder) {
      const fields = [`region=${region}`, `state=${formatReplayState(reason)}`, ...tail]
      return [['fly-replay', fields.join(';')]]
    },
    readOrigin,
    limits: { maxBodyBytes },
  }
}

function readOrigin(header: ReadHeader): ReplayOrigin {
  const state = findReplayState(header('fly-replay-src'))
  return {
    replayed: state !== undefined,
    ...(state?.reason === 'stale' && { stale: true }),
    cached: /\bhit\b/.test(header('fly-replay-cache-status') ?? ''),
    failed: header('fly-replay-failed') !== undefined,
  }
}
