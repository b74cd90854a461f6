import type { TestDatabase } from '../shared-lab.js'

/**
 * - `ewr`: the primary region
 * - `iad`: a replica region
 * - `syd`: a replica region that takes iad for the primary one, and refuses what it cannot replay
 * - `bare`: in iad, where nothing can replay
 * - `single`: no region known
 */
export type ProgramName = 'ewr' | 'iad' | 'syd' | 'bare' | 'single'

type Variables = Record<string, string>

function without(env: Variables, ...names: readonly string[]): Variables {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))
}

/** The servers that a host starts, with the environment of each. */
export const PROGRAMS: ReadonlyMap<ProgramName, (database: TestDatabase) => Variables> = new Map<
  ProgramName,
  (database: TestDatabase) => Variables
>([
  ['ewr', (database) => database.env('ewr')],
  ['iad', (database) => database.env('iad')],
  ['syd', (database) => ({ ...database.env('syd'), PRIMARY_REGION: 'iad', CONTRACT_FAIL: '1' })],
  ['bare', (database) => without(database.env('iad'), 'FLY_APP_NAME', 'FLY_MACHINE_ID')],
  ['single', (database) => ({ DATABASE_URL: database.url('ewr', 'writer') })],
])
