import { setTimeout as sleep } from 'node:timers/promises'
import { detectDeployment } from '@flyback/core'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import pg from 'pg'
import { afterAll, beforeAll, describe, test as it } from 'vitest'
import { Pool, type PoolConfig } from '../src/index.js'
import { SCHEMA } from './support.js'

/** What one behaviour gets of the pool it looks at. */
export interface MakePool {
  /** Opens a pool on the test database; it is ended when the behaviour is over. */
  (config?: pg.PoolConfig): pg.Pool
  /** The same without an address: that comes from the config or the environment. */
  bare(config?: pg.PoolConfig): pg.Pool
  /** A config that makes `new Pool(config)` a pool of the role under test. */
  config(config?: pg.PoolConfig): pg.PoolConfig
  readonly Pool: new (config?: pg.PoolConfig) => pg.Pool
  readonly url: string
  /** Runs a statement past the pool under test. */
  admin(sql: string, params?: readonly unknown[]): Promise<pg.QueryResultRow[]>
}

export type Role = 'single' | 'primary'

export interface Difference {
  readonly because: string
  /** What ours shows instead. */
  readonly shows: RegExp
}

/** Something a user of pg can see. What `run` returns must be the same for pg.Pool and for ours. */
export interface Behaviour {
  readonly title: string
  /** What pg's own answer must show, so that the comparison is not of two nothings. */
  readonly sees: RegExp
  readonly run: (make: MakePool) => Promise<unknown>
  readonly differs?: Partial<Record<Role, Difference>>
}

/** All suites of a file look at one database. */
let ofThisFile: Promise<TestDatabase> | undefined

const ROLES = ['single', 'primary'] as const

/** Runs each behaviour against pg.Pool, and against ours in both roles in which it must be indistinguishable. */
export function differential(
  subject: string,
  behaviours: readonly Behaviour[],
  options: { readonly sequential?: boolean } = {},
): void {
  let database: TestDatabase
  const theirs = new Map<Behaviour, Promise<unknown>>()
  beforeAll(async () => {
    const { role } = detectDeployment(process.env)
    if (role !== 'single') throw new Error('The region variables are set: this run proves nothing')
    ofThisFile ??= sharedLab().createDatabase({ schema: SCHEMA })
    database = await ofThisFile
  })
  afterAll(() => database.drop())

  // pg is asked once, and in a sequential suite while nothing else runs.
  const ofPg = (behaviour: Behaviour): Promise<unknown> => {
    const known = theirs.get(behaviour) ?? observe(behaviour, database, undefined)
    theirs.set(behaviour, known)
    return known
  }
  const suite = options.sequential === true ? describe : describe.concurrent
  for (const role of ROLES) {
    const like =
      role === 'single'
        ? 'rule 21: with no region variables, a pool is pg.Pool'
        : 'in the primary region, a pool is pg.Pool'
    suite(`${like}: ${subject}`, { concurrent: options.sequential !== true }, () => {
      for (const behaviour of behaviours) declare(behaviour, role)
    })
  }

  function declare(behaviour: Behaviour, role: Role): void {
    const difference = behaviour.differs?.[role]
    const title = difference
      ? `${behaviour.title} (not the same: ${difference.because})`
      : behaviour.title
    // The suite decides what runs side by side, so `expect` is the test's own.
    it(title, async ({ expect }) => {
      const expected = await ofPg(behaviour)
      expect(JSON.stringify(expected)).toMatch(behaviour.sees)
      const ours = await observe(behaviour, database, role)
      if (difference === undefined) {
        expect(ours).toStrictEqual(expected)
        return
      }
      expect(ours).not.toStrictEqual(expected)
      expect(JSON.stringify(ours)).toMatch(difference.shows)
    })
  }
}

async function observe(
  behaviour: Behaviour,
  database: TestDatabase,
  role: Role | undefined,
): Promise<unknown> {
  const open: pg.Pool[] = []
  const url = database.url('ewr', 'writer')
  const Constructor: MakePool['Pool'] = role === undefined ? pg.Pool : Pool
  const ours = (config: pg.PoolConfig | undefined): PoolConfig | undefined =>
    role === 'primary' ? keepHidden({ ...config, flyback: { env: env() } }, config) : config
  const bare = (config?: pg.PoolConfig): pg.Pool => {
    const pool = new Constructor(ours(config))
    open.push(pool)
    return pool
  }
  const env = (): Record<string, string | undefined> => ({
    ...database.env('ewr'),
    DATABASE_URL: undefined,
    ...process.env,
  })
  const make: MakePool = Object.assign(
    (config?: pg.PoolConfig) => bare(keepHidden({ connectionString: url, ...config }, config)),
    {
      bare,
      config: (config?: pg.PoolConfig) => ours({ connectionString: url, ...config }) ?? {},
      Pool: Constructor,
      url,
      admin: (sql: string, params?: readonly unknown[]) =>
        database.query('ewr', 'writer', sql, params),
    },
  )
  // A behaviour that throws may hold a client, and the end of its pool would wait for that: its error is what matters.
  const answer = plain(await behaviour.run(make))
  await Promise.all(open.filter((pool) => !pool.ending).map((pool) => pool.end()))
  return answer
}

function keepHidden<T extends pg.PoolConfig>(copy: T, from: pg.PoolConfig | undefined): T {
  if (from?.password !== undefined) copy.password = from.password
  return copy
}

/** What an error shows to the code that catches it. */
function errorAnswer(error: Error): Record<string, unknown> {
  const answer: Record<string, unknown> = {
    class: error.constructor.name,
    message: error.message,
    keys: Object.keys(error).toSorted(),
    code: Reflect.get(error, 'code'),
  }
  if (error.cause !== undefined) answer['cause'] = error.cause
  return answer
}

/** A value as plain data: nothing is equal because it was lost. */
function plain(value: unknown): unknown {
  if (value === undefined) return '<undefined>'
  if (typeof value === 'function') return '<function>'
  if (typeof value === 'symbol' || typeof value === 'bigint') return `<${String(value)}>`
  if (value instanceof Error) return plain(errorAnswer(value))
  if (value instanceof Date) return `<date ${value.toISOString()}>`
  if (Buffer.isBuffer(value)) return `<bytes ${value.toString('hex')}>`
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

/** How a call ended: by throwing, by rejecting, or with a value. */
export async function outcome(work: () => unknown): Promise<unknown> {
  let running: unknown
  try {
    running = work()
  } catch (error) {
    return { threw: error }
  }
  return await Promise.resolve(running).then(
    (value) => ({ value }),
    (error: unknown) => ({ rejected: error }),
  )
}

/** The arguments a Node callback got, as an array. */
export function calledBack(
  start: (callback: (...args: unknown[]) => void) => unknown,
): Promise<{ readonly returned: unknown; readonly args: readonly unknown[] }> {
  return new Promise((resolve) => {
    const returned = start((...args) => {
      setImmediate(() => resolve({ returned, args }))
    })
  })
}

/** The counters of a pool, as `total/idle/waiting/expired`. */
export function counts(pool: pg.Pool): string {
  return `${pool.totalCount}/${pool.idleCount}/${pool.waitingCount}/${pool.expiredCount}`
}

/** Writes down what happens, with a name for each client. */
export class Journal {
  readonly lines: string[] = []
  readonly #names = new Map<unknown, string>()

  note(line: string): void {
    this.lines.push(line)
  }

  /** Names a client by the order in which it was first seen. */
  name(client: unknown): string {
    const known = this.#names.get(client) ?? `client ${this.#names.size + 1}`
    this.#names.set(client, known)
    return known
  }

  /** Writes down all events of a pool: their arguments, and the counters at that moment. */
  watch(pool: pg.Pool): this {
    for (const event of ['connect', 'acquire', 'release', 'remove', 'error'] as const) {
      pool.on(event, (...args: unknown[]) => {
        this.note(`${event}(${args.map((arg) => this.#show(arg)).join(', ')}) ${counts(pool)}`)
      })
    }
    return this
  }

  #show(value: unknown): string {
    if (value instanceof pg.Client) return this.name(value)
    return value instanceof Error ? `${value.constructor.name}: ${value.message}` : String(value)
  }
}

/** Resolves when a pool has emitted an event so many times from now. */
export function emitted(pool: pg.Pool, event: 'remove' | 'error', times = 1): Promise<void> {
  return new Promise((resolve) => {
    let left = times
    pool.on(event, () => {
      if (--left === 0) setImmediate(resolve)
    })
  })
}

/** Ends the backend of a client, as a restart of the server would. */
export async function kill(make: MakePool, client: pg.ClientBase): Promise<void> {
  await make.admin('select pg_terminate_backend($1)', [Reflect.get(client, 'processID')])
}

/** Resolves when the backend of a client runs its pg_sleep. */
export async function busy(make: MakePool, client: pg.ClientBase): Promise<void> {
  const sql = `select 1 from pg_stat_activity where pid = $1 and state = 'active' and query like '%pg_sleep%'`
  while ((await make.admin(sql, [Reflect.get(client, 'processID')])).length === 0) await sleep(5)
}

/** Looks at one client of a pool of one. */
export function onClient(
  look: (client: pg.PoolClient, pool: pg.Pool, make: MakePool) => Promise<unknown>,
  config: pg.PoolConfig = {},
): (make: MakePool) => Promise<unknown> {
  return async (make) => {
    const pool = make({ max: 1, ...config })
    const client = await pool.connect()
    try {
      return await look(client, pool, make)
    } finally {
      client.release()
    }
  }
}

/** Looks at what a pool and a client of it have in common. */
export function onBoth(
  look: (target: pg.Pool | pg.PoolClient) => Promise<unknown>,
  config: pg.PoolConfig = {},
): (make: MakePool) => Promise<unknown> {
  return async (make) => {
    const pool = make({ max: 2, ...config })
    const client = await pool.connect()
    try {
      const answers = { pool: await look(pool), client: await look(client) }
      return { ...answers, counts: counts(pool) }
    } finally {
      client.release()
    }
  }
}

/** Calls what the types forbid and JavaScript allows. */
export function call(target: pg.Pool | pg.PoolClient, ...args: unknown[]): unknown {
  return Reflect.apply(target.query, target, args)
}

/** The address of the test database, in parts. */
export function parts(make: MakePool): {
  host: string
  port: number
  user: string
  password: string
  database: string
} {
  const { hostname, port, username, password, pathname } = new URL(make.url)
  return {
    host: hostname,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
  }
}
