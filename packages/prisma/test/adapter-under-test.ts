import type {
  AdapterUnderTest,
  ConnectOptions,
  Queryable,
  Row,
  Transaction,
  TransactionOptions,
} from '@flyback/testkit'
import { PrismaFlyback, type PrismaFlybackOptions } from '../src/index.js'
import { type Prisma, PrismaClient } from './clients.js'
import { extend } from './support.js'

/** Prisma as the contract uses it, with the extension or with nothing but the adapter. */
export function prismaUnderTest(name: string, extended: boolean): AdapterUnderTest {
  return {
    name,
    knownWrites: extended ? 'at once' : 'one round trip',
    cannot: {
      copy: 'Prisma has no COPY',
      listen: 'Prisma has no LISTEN',
      sessions: 'Prisma holds a connection in a transaction only',
      streams: 'Prisma has no streams',
      'read-only transactions': 'Prisma has no access mode',
      'read-write transactions': 'Prisma has no access mode',
    },
    connect(options) {
      const plain = open(options)
      const withExtension = extend(plain)
      const prisma = extended ? withExtension : plain
      const named = open(options, { statementNameGenerator: ({ sql }) => sql })
      return {
        ...queryable(prisma),
        primary: queryable(withExtension.$primary()),
        transaction: (work, given) =>
          prisma.$transaction((tx) => work(transaction(tx)), isolation(given)),
        batch: (statements) =>
          prisma.$transaction(statements.map((sql) => prisma.$executeRawUnsafe(sql))),
        prepared: async (sql, params) => await named.$queryRawUnsafe<Row[]>(sql, ...params),
        end: () => Promise.all([plain.$disconnect(), named.$disconnect()]),
      }
    },
  }
}

function open({ env, max, flyback }: ConnectOptions, options?: PrismaFlybackOptions): PrismaClient {
  return new PrismaClient({
    adapter: new PrismaFlyback({ max, flyback: { env, ...flyback } }, options),
  })
}

type AnyClient = Pick<Prisma.TransactionClient, 'item' | '$queryRawUnsafe'>

function queryable(client: AnyClient): Queryable {
  return {
    // Prisma's promises are lazy: a call runs in the scope it is awaited in.
    query: async (sql, params = []) => await client.$queryRawUnsafe<Row[]>(sql, ...params),
    items: {
      find: async (name) => (await client.item.findUnique({ where: { name } })) ?? undefined,
      insert: async (name) => await client.item.create({ data: { name } }),
      update: async (name, qty) =>
        (await client.item.updateMany({ where: { name }, data: { qty } })).count,
      remove: async (name) => (await client.item.deleteMany({ where: { name } })).count,
    },
  }
}

function transaction(tx: Prisma.TransactionClient): Transaction {
  return {
    ...queryable(tx),
    savepoint: (work) => tx.$transaction((nested) => work(transaction(nested))),
  }
}

function isolation({ isolationLevel }: TransactionOptions = {}): {
  isolationLevel?: Prisma.TransactionIsolationLevel
} {
  if (isolationLevel === undefined) return {}
  return { isolationLevel: isolationLevel === 'serializable' ? 'Serializable' : 'RepeatableRead' }
}
