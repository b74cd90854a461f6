/** Changes an app asks for in the request it has replayed. Only the JSON form can carry them. */
export interface ReplayTransform {
  readonly path?: string
  readonly deleteHeaders: readonly string[]
  readonly setHeaders: readonly (readonly [name: string, value: string])[]
}

/** What an app asks of the replay cache beside the replay. */
export type CacheOrder =
  | {
      readonly kind: 'store'
      readonly pattern: string
      readonly ttlSeconds: number
      readonly allowBypass: boolean
    }
  | { readonly kind: 'invalidate' }

/**
 * An app's replay instruction in a closed form: every value is checked, nothing of the header is left unparsed.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/
 */
export interface Replay {
  /** In order of preference, and binding: only a list that holds `any` reaches other regions. */
  readonly regions?: readonly string[]
  readonly instance?: string
  readonly preferInstance?: string
  readonly app?: string
  readonly state?: string
  readonly elsewhere?: boolean
  readonly timeoutMs?: number
  readonly fallback?: 'force_self' | 'prefer_self'
  readonly transform?: ReplayTransform
  readonly cache?: CacheOrder
}

/** Why an answer that asks for a replay cannot be followed. Names fields, never their values. */
export interface InvalidReplay {
  readonly invalid: string
}

/** The target of a replay in words, for transcripts: fields of the closed form only, without `state`. */
export function describeReplay(replay: Replay): string {
  return [
    replay.app && `app=${replay.app}`,
    replay.regions && `region=${replay.regions.join(',')}`,
    replay.instance && `instance=${replay.instance}`,
    replay.preferInstance && `prefer_instance=${replay.preferInstance}`,
    replay.elsewhere && 'elsewhere=true',
  ]
    .filter(Boolean)
    .join(';')
}
