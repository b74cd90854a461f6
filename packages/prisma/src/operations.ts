import type { Operation } from '@prisma/client/runtime/client'

type Kind = 'reads' | 'writes' | 'unknown'

/**
 * What each operation of Prisma's does to the database. A new operation of Prisma's does not compile until it is here.
 *
 * @see https://www.prisma.io/docs/orm/reference/prisma-client-reference#model-queries (7.10.0, read 2026-11-25)
 */
const OPERATIONS: Readonly<Record<Operation, Kind>> = {
  findUnique: 'reads',
  findUniqueOrThrow: 'reads',
  findFirst: 'reads',
  findFirstOrThrow: 'reads',
  findMany: 'reads',
  count: 'reads',
  aggregate: 'reads',
  groupBy: 'reads',
  findRaw: 'reads',
  aggregateRaw: 'reads',
  create: 'writes',
  createMany: 'writes',
  createManyAndReturn: 'writes',
  update: 'writes',
  updateMany: 'writes',
  updateManyAndReturn: 'writes',
  upsert: 'writes',
  delete: 'writes',
  deleteMany: 'writes',
  // Raw statements are the server's to judge.
  $queryRaw: 'unknown',
  $queryRawUnsafe: 'unknown',
  $executeRaw: 'unknown',
  $executeRawUnsafe: 'unknown',
  $runCommandRaw: 'unknown',
}

/** The operations that write, whatever they are given. */
export const WRITES: readonly string[] = Object.entries(OPERATIONS)
  .filter(([, kind]) => kind === 'writes')
  .map(([operation]) => operation)
