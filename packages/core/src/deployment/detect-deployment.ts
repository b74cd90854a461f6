import type { Notice } from './notice.js'

/** Environment variables by name, such as `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** `single` when no regions are known: a laptop, a test, one region. */
export type Role = 'primary' | 'replica' | 'single'

export interface Deployment {
  readonly role: Role
  /** Where this process runs, in lower case. */
  readonly region: string | undefined
  /** Where the writable member runs, in lower case. */
  readonly primaryRegion: string | undefined
  /** The variable that named {@link region}. */
  readonly regionFrom: string | undefined
  /** The variable that named {@link primaryRegion}. */
  readonly primaryRegionFrom: string | undefined
  /** What to tell the operator, once. */
  readonly notices: readonly Notice[]
}

/** First match wins. `FLYBACK_*` overrides Fly's own. The `Fly-Region` request header is the visitor's edge: never read here. */
const REGION_VARIABLES = ['FLYBACK_REGION', 'FLY_REGION'] as const
const PRIMARY_VARIABLES = ['FLYBACK_PRIMARY_REGION', 'PRIMARY_REGION'] as const

const REGION = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/
/** What templates and shells leave behind where a variable was meant to be unset. */
const UNSET: ReadonlySet<string> = new Set(['', 'false', 'undefined', 'null'])

/**
 * Where am I? Reads the region variables. Total and pure: never throws, and unknown is a value.
 *
 * Values are trimmed and compared in lower case; empty, `false`, `undefined` and `null` count as unset, and so does
 * anything that is no region name (with a notice). One variable without the other is `single`, with a notice naming
 * the missing one. In a release machine (`RELEASE_COMMAND=1`) there is no request to replay and migrations must write:
 * the role is `primary` wherever it runs.
 *
 * @see https://fly.io/docs/machines/runtime-environment/ (read 2026-11-23)
 */
export function detectDeployment(env: Environment): Deployment {
  const notices: Notice[] = []
  const region = firstRegion(env, REGION_VARIABLES, notices)
  const primary = firstRegion(env, PRIMARY_VARIABLES, notices)
  if (region.name !== undefined && primary.name === undefined) {
    notices.push(missing(region.from, 'PRIMARY_REGION (or FLYBACK_PRIMARY_REGION)'))
  }
  if (region.name === undefined && primary.name !== undefined) {
    notices.push(missing(primary.from, 'FLY_REGION (or FLYBACK_REGION)'))
  }
  return {
    role: roleOf(region.name, primary.name, isReleaseMachine(env)),
    region: region.name,
    primaryRegion: primary.name,
    regionFrom: region.from,
    primaryRegionFrom: primary.from,
    notices,
  }
}

/** The role of a process in `region` when the primary is in `primaryRegion`. */
export function roleOf(
  region: string | undefined,
  primaryRegion: string | undefined,
  releaseMachine = false,
): Role {
  if (region === undefined || primaryRegion === undefined) return 'single'
  return region === primaryRegion || releaseMachine ? 'primary' : 'replica'
}

/** The value of a variable, trimmed; `undefined` when it is unset or says so. */
export function readVariable(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim()
  return value === undefined || UNSET.has(value.toLowerCase()) ? undefined : value
}

function firstRegion(
  env: Environment,
  names: readonly string[],
  notices: Notice[],
): { readonly name: string | undefined; readonly from: string | undefined } {
  for (const from of names) {
    const name = readVariable(env, from)?.toLowerCase()
    if (name === undefined) continue
    if (REGION.test(name)) return { name, from }
    notices.push({
      code: 'FLYBACK_REGION_INVALID',
      message: `${from} is not a region name (letters, digits and hyphens, at most 32) and is ignored`,
    })
  }
  return { name: undefined, from: undefined }
}

function isReleaseMachine(env: Environment): boolean {
  return readVariable(env, 'RELEASE_COMMAND') === '1'
}

function missing(set: string | undefined, unset: string): Notice {
  return {
    code: 'FLYBACK_REGION_MISSING',
    message: `${set} is set but ${unset} is not: Flyback treats this process as a single region and changes nothing`,
  }
}
