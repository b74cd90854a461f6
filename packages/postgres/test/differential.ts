import { detectDeployment } from '@flyback/core'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import driver from 'postgres'
import { afterAll, beforeAll, describe, test as it } from 'vitest'
import postgres, { type Options } from '../src/index.js'
import { SCHEMA } from './support.js'

/** What one behaviour gets to look at: the driver, or ours in some role. */
export interface Subject {
  /** Opens the test database; it is ended when the behaviour is over. */
  open(options?: driver.Options<Types>): driver.Sql
  readonly postgres: typeof driver
  readonly url: string
  /** Runs a statement past what is under test. */
  admin(sql: string, params?: readonly unknown[]): Promise<Record<string, unknown>[]>
}

export type Types = Record<string, driver.PostgresType>
export type Role = 'single' | 'primary'

export interface Difference {
  readonly because: string
  /** What ours shows instead. */
  readonly shows: RegExp
}

/** Something a user can see. What `run` returns must be the same for the driver and for ours. */
export interface Behaviour {
  readonly title: string
  /** What the driver's own answer must show, so that the comparison is not of two nothings. */
  readonly sees: RegExp
  readonly run: (subject: Subject) => Promise<unknown>
  readonly differs?: Partial<Record<Role, Difference>>
}

const ROLES = ['single', 'primary'] as const

/** Runs each behaviour against postgres.js, and against ours in both roles in which it must be indistinguishable. */
export function differential(subject: string, behaviours: readonly Behaviour[]): void {
  let database: TestDatabase
  const theirs = new Map<Behaviour, Promise<unknown>>()
  beforeAll(async () => {
    const { role } = detectDeployment(process.env)
    if (role !== 'single') throw new Error('The region variables are set: this run proves nothing')
    database = await sharedLab().createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  const ofDriver = (behaviour: Behaviour): Promise<unknown> => {
    const known = theirs.get(behaviour) ?? observe(behaviour, database, undefined)
    theirs.set(behaviour, known)
    return known
  }
  for (const role of ROLES) {
    const like =
      role === 'single'
        ? 'rule 21: with no region variables, postgres() is the driver'
        : 'in the primary region, postgres() is the driver'
    describe.concurrent(`${like}: ${subject}`, () => {
      for (const behaviour of behaviours) declare(behaviour, role)
    })
  }

  function declare(behaviour: Behaviour, role: Role): void {
    const difference = behaviour.differs?.[role]
    const title = difference
      ? `${behaviour.title} (not the same: ${difference.because})`
      : behaviour.title
    it(title, async ({ expect }) => {
      const expected = await ofDriver(behaviour)
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
  const url = database.url('ewr', 'writer')
  const opened: driver.Sql[] = []
  const env = { ...database.env('ewr'), DATABASE_URL: undefined }
  const call = (...args: unknown[]): driver.Sql => {
    const sql = Reflect.apply(role === undefined ? driver : postgres, undefined, args)
    opened.push(sql)
    return sql
  }
  const withFlyback = (...args: unknown[]): driver.Sql => {
    if (role !== 'primary') return call(...args)
    const last = args.at(-1)
    const options = { ...(typeof last === 'object' ? last : {}), flyback: { env } }
    return call(...args.filter((arg) => typeof arg === 'string'), options satisfies Options)
  }
  const made = Object.assign(withFlyback, driver) as typeof driver
  const answer = plain(
    await behaviour.run({
      open: (options = {}) => made(url, { onnotice: () => {}, ...options }),
      postgres: made,
      url,
      admin: (sql, params) => database.query('ewr', 'writer', sql, params),
    }),
  )
  await Promise.all(opened.map((sql) => sql.end({ timeout: 5 })))
  return answer
}

/** What an error shows to the code that catches it. */
function errorAnswer(error: Error): Record<string, unknown> {
  const hidden = ['query', 'parameters', 'args', 'types'].map((name) => {
    const property = Object.getOwnPropertyDescriptor(error, name)
    return [name, property && { value: property.value, enumerable: property.enumerable }]
  })
  return {
    class: error.constructor.name,
    postgresError: error instanceof driver.PostgresError,
    message: error.message.replaceAll(/t_[0-9a-f]{12}/g, '<database>'),
    keys: Object.keys(error).toSorted(),
    code: Reflect.get(error, 'code'),
    ...Object.fromEntries(hidden),
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  }
}

/** A value as plain data: nothing is equal because it was lost. */
function plain(value: unknown): unknown {
  if (value === undefined) return '<undefined>'
  if (typeof value === 'function') return '<function>'
  if (typeof value === 'symbol' || typeof value === 'bigint') return `<${String(value)}>`
  if (value instanceof Error) return plain(errorAnswer(value))
  if (value instanceof Date) return `<date ${value.toISOString()}>`
  if (value instanceof Uint8Array) return `<bytes ${Buffer.from(value).toString('hex')}>`
  if (Array.isArray(value)) return 'command' in value ? resultAnswer(value) : value.map(plain)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

/** A result: its rows, and what it says of itself. */
function resultAnswer(result: unknown[]): unknown {
  const { command, count, columns, statement, state } = Object(result)
  return plain({
    class: result.constructor.name,
    rows: [...result],
    about: {
      command,
      count,
      columns: columns?.map(({ name, type }: driver.Column<string>) => `${name}:${type}`),
      text: statement?.string,
      types: statement?.types,
      state: Object.keys(Object(state)),
    },
  })
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

/** Resolves when the condition holds in the database. */
export async function until(subject: Subject, condition: string): Promise<void> {
  const deadline = performance.now() + 8000
  while (performance.now() < deadline) {
    const [row] = await subject.admin(`select (${condition}) as holds`)
    if (row?.['holds'] === true) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`never true: ${condition}`)
}
