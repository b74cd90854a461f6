import { detectDeployment, Scope } from '@flyback/core'
import { CONTRACT_SCHEMA, type TestDatabase } from '@flyback/testkit'
import { expect } from 'vitest'
import type { PoolConfig } from '../src/index.js'
import { flybackExtension, PrismaFlyback, type PrismaFlybackOptions } from '../src/index.js'
import { OldestPrismaClient, PrismaClient } from './clients.js'

/** The tables of the schema in generate-clients.ts. */
export const SCHEMA: string = `${CONTRACT_SCHEMA}
  create table tag (
    id serial primary key, label text not null, item_id int not null references item, unique (item_id, label)
  );
  insert into tag (label, item_id) values ('a', 1), ('b', 1), ('c', 2);
`

export type ExtendedClient = PrismaClient & { $primary(): PrismaClient }

/** A client with the extension, whose own type Prisma makes incomparable with the plain one's. */
export function extend(client: PrismaClient): ExtendedClient {
  return client.$extends(flybackExtension()) as unknown as ExtendedClient
}

export interface OpenOptions {
  readonly config?: PoolConfig
  readonly options?: PrismaFlybackOptions
  readonly oldest?: boolean
  readonly extended?: boolean
  /** Lets `onQuery` hear of the statements. */
  readonly log?: boolean
}

const openClients = new WeakMap<TestDatabase, number>()

/** A client as an app in this region would make it; disconnected with the test, when no session of it may be left. */
export type OpenClient = ExtendedClient &
  AsyncDisposable & {
    onQuery(listener: () => void): void
  }

export function open(database: TestDatabase, region: string, given: OpenOptions = {}): OpenClient {
  const { config = {}, options, oldest = false, extended = true, log = false } = given
  const { flyback, ...rest } = config
  const adapter = new PrismaFlyback(
    { max: 2, ...rest, flyback: { env: database.env(region), ...flyback } },
    options,
  )
  const plain = new (oldest ? OldestPrismaClient : PrismaClient)({
    adapter,
    log: log ? [{ emit: 'event', level: 'query' }] : [],
  })
  const client = extended ? extend(plain) : plain
  const count = (change: number): number => {
    const now = (openClients.get(database) ?? 0) + change
    openClients.set(database, now)
    return now
  }
  count(1)
  return Object.assign(client as ExtendedClient, {
    onQuery: (listener: () => void) => plain.$on('query', listener),
    async [Symbol.asyncDispose]() {
      await plain.$disconnect()
      if (count(-1) > 0) return
      for (const member of ['ewr', 'iad']) {
        await expect.poll(() => sessions(database, member)).toEqual([])
      }
    },
  })
}

/** The sessions in a database, but the one that looks. */
export async function sessions(database: TestDatabase, region: string): Promise<number[]> {
  const rows = await database.query<{ pid: number }>(
    region,
    'replica',
    `select pid from pg_stat_activity where datname = current_database()
      and pid <> pg_backend_pid() and backend_type = 'client backend'`,
  )
  return rows.map(({ pid }) => pid)
}

/** A scope as the middleware opens it for a request that may be replayed. */
export function openScope(database: TestDatabase, region = 'iad', forward = false): Scope {
  const { role, primaryRegion } = detectDeployment(database.env(region))
  return new Scope({ role, primaryRegion, canReplay: !forward && role === 'replica', forward })
}

export { failure, inRequest } from '@flyback/testkit'
