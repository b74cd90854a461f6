import type { TestDatabase } from '../shared-lab.js'

/**
 * - `ewr`: the primary region
 * - `iad`: a replica region
 * - `syd`: a replica region that takes iad for the primary one, and refuses what it cannot replay
 * - `bare`: in iad, where nothing can replay
 * - `carrying`: in iad, where the app itself sends requests on to the one in ewr
 * - `single`: no region known
 */
export type ProgramName = 'ewr' | 'iad' | 'syd' | 'bare' | 'carrying' | 'single'

type Variables = Record<string, string>

function without(env: Variables, ...names: readonly string[]): Variables {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))
}

/** The environment of one program. @param port where another one listens */
type Environment = (database: TestDatabase, port: (program: ProgramName) => number) => Variables

const inIadWithoutFly = (database: TestDatabase): Variables =>
  without(database.env('iad'), 'FLY_APP_NAME', 'FLY_MACHINE_ID')

/** The servers that a host starts. */
export const PROGRAMS: ReadonlyMap<ProgramName, Environment> = new Map<ProgramName, Environment>([
  ['ewr', (database) => database.env('ewr')],
  ['iad', (database) => database.env('iad')],
  ['syd', (database) => ({ ...database.env('syd'), PRIMARY_REGION: 'iad', CONTRACT_FAIL: '1' })],
  ['bare', inIadWithoutFly],
  [
    'carrying',
    (database, port) => ({
      ...inIadWithoutFly(database),
      FLYBACK_PRIMARY_URL: `http://127.0.0.1:${port('ewr')}`,
    }),
  ],
  ['single', (database) => ({ DATABASE_URL: database.url('ewr', 'writer') })],
])
