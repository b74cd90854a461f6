import type { RootOperationNode } from 'kysely'

/**
 * What each kind of query does, as its builder knows. Exhaustive: a kind that a later Kysely adds does not compile until
 * it is listed. `walk`: by what is in it.
 */
const KINDS: Readonly<Record<RootOperationNode['kind'], 'write' | 'walk' | 'unknown'>> = {
  SelectQueryNode: 'walk',
  InsertQueryNode: 'write',
  UpdateQueryNode: 'write',
  DeleteQueryNode: 'write',
  MergeQueryNode: 'write',
  CreateTableNode: 'write',
  CreateIndexNode: 'write',
  CreateSchemaNode: 'write',
  CreateViewNode: 'write',
  CreateTypeNode: 'write',
  AlterTableNode: 'write',
  AlterTypeNode: 'write',
  DropTableNode: 'write',
  DropIndexNode: 'write',
  DropSchemaNode: 'write',
  DropViewNode: 'write',
  DropTypeNode: 'write',
  RefreshMaterializedViewNode: 'write',
  RawNode: 'unknown',
}

/** A replica takes no row locks: `select ... for update` and its kin. */
const LOCKS: ReadonlySet<unknown> = new Set([
  'ForUpdate',
  'ForNoKeyUpdate',
  'ForShare',
  'ForKeyShare',
])

/** Nodes that hold no query: user values, which may be anything; raw SQL, which we do not read; names. */
const LEAVES: ReadonlySet<unknown> = new Set([
  'ValueNode',
  'PrimitiveValueListNode',
  'RawNode',
  'IdentifierNode',
  'ColumnNode',
  'ReferenceNode',
  'TableNode',
  'SelectAllNode',
  'OperatorNode',
  'DataTypeNode',
])

/** Nodes looked at before the server is left to decide. A query of a hundred columns has some 500. */
const MAX_NODES = 20_000

/**
 * Whether a query is known to write or lock, from the tree its builder made: at the root, in a CTE or in a subquery. What
 * is not known (raw SQL, a function that writes) is left to the server, which is the only one to know.
 */
export function isKnownWrite(query: RootOperationNode): boolean {
  const verdict = KINDS[query.kind]
  // EXPLAIN of a write runs on a replica, unless it has ANALYZE, which Kysely passes on as raw SQL.
  if (verdict === 'unknown' || 'explain' in query) return false
  return verdict === 'write' || holdsWrite(query)
}

/**
 * The command tag that a statement is answered with, as far as its tree tells: a result of Kysely has none. `undefined` for what may
 * have written, and for raw SQL, which is not read.
 */
export function knownTag(query: RootOperationNode): 'SELECT' | undefined {
  const reads = query.kind === 'SelectQueryNode' && ('explain' in query || !holdsWrite(query))
  return reads ? 'SELECT' : undefined
}

function holdsWrite(root: object): boolean {
  const pending: object[] = [root]
  for (let seen = 0; seen < MAX_NODES; seen++) {
    const node = pending.pop()
    if (node === undefined) return false
    const kind: unknown = Reflect.get(node, 'kind')
    if (LEAVES.has(kind)) continue
    if (kind === 'SelectModifierNode' && LOCKS.has(Reflect.get(node, 'modifier'))) return true
    if (typeof kind === 'string' && Reflect.get(KINDS, kind) === 'write') return true
    for (const key in node) {
      const child: unknown = Reflect.get(node, key)
      if (typeof child === 'object' && child !== null) pending.push(child)
    }
  }
  return false
}
