import { type Compilable, type Kysely, sql } from 'kysely'
import type { Database } from './adapter-under-test.js'

type Builder = readonly [title: string, build: (db: Kysely<Database>) => Compilable]

/** What Kysely's builders can say that a replica refuses. */
export const WRITES: readonly Builder[] = [
  ['insertInto', (db) => db.insertInto('item').values({ name: 'x' })],
  ['insertInto ... returning', (db) => db.insertInto('item').values({ name: 'x' }).returning('id')],
  [
    'insertInto ... onConflict',
    (db) =>
      db
        .insertInto('item')
        .values({ name: 'n1' })
        .onConflict((conflict) => conflict.doNothing()),
  ],
  [
    'insertInto ... expression',
    (db) =>
      db
        .insertInto('item')
        .columns(['name'])
        .expression(db.selectFrom('item').select(sql<string>`name || ' copied'`.as('name'))),
  ],
  ['updateTable', (db) => db.updateTable('item').set({ qty: 1 })],
  ['deleteFrom', (db) => db.deleteFrom('item').where('name', '=', 'x')],
  [
    'mergeInto',
    (db) =>
      db
        .mergeInto('item as i')
        .using('item as s', 'i.id', 's.id')
        .whenMatched()
        .thenUpdateSet({ qty: 2 }),
  ],
  [
    'with(insert)',
    (db) =>
      db
        .with('w', (cte) => cte.insertInto('item').values({ name: 'c' }).returning('id'))
        .selectFrom('w')
        .selectAll(),
  ],
  [
    'with(select).with(delete) in a CTE of a CTE',
    (db) =>
      db
        .with('outer_w', (cte) =>
          cte
            .with('inner_w', (inner) => inner.deleteFrom('item').returning('id'))
            .selectFrom('inner_w')
            .selectAll(),
        )
        .selectFrom('outer_w')
        .selectAll(),
  ],
  ['forUpdate', (db) => db.selectFrom('item').selectAll().forUpdate()],
  ['forNoKeyUpdate', (db) => db.selectFrom('item').selectAll().forNoKeyUpdate()],
  ['forShare of no rows', (db) => db.selectFrom('item').selectAll().where('id', '<', 0).forShare()],
  ['forKeyShare skipLocked', (db) => db.selectFrom('item').selectAll().forKeyShare().skipLocked()],
  [
    'forUpdate in a subquery of from',
    (db) => db.selectFrom(db.selectFrom('item').select('id').forUpdate().as('locked')).selectAll(),
  ],
  [
    'forUpdate in a subquery of where',
    (db) =>
      db
        .selectFrom('item')
        .select('id')
        .where('id', 'in', (eb) => eb.selectFrom('item').select('id').forUpdate()),
  ],
  [
    'forUpdate in a selected subquery',
    (db) =>
      db
        .selectFrom('item')
        .select((eb) => eb.selectFrom('item').select('id').limit(1).forUpdate().as('one')),
  ],
  [
    'forUpdate in a lateral join',
    (db) =>
      db
        .selectFrom('item')
        .innerJoinLateral(
          (eb) => eb.selectFrom('item as other').select('other.id').forUpdate().as('o'),
          (join) => join.onTrue(),
        )
        .select('item.id'),
  ],
  ['schema.createTable', (db) => db.schema.createTable('other').addColumn('id', 'integer')],
  [
    'schema.createTable temporary',
    (db) => db.schema.createTable('other').temporary().addColumn('id', 'integer'),
  ],
  ['schema.createIndex', (db) => db.schema.createIndex('other').on('item').column('qty')],
  ['schema.createSchema', (db) => db.schema.createSchema('other')],
  [
    'schema.createView',
    (db) => db.schema.createView('other').as(db.selectFrom('item').selectAll()),
  ],
  ['schema.createType', (db) => db.schema.createType('other').asEnum(['a'])],
  ['schema.alterTable', (db) => db.schema.alterTable('item').addColumn('extra', 'integer')],
  ['schema.dropTable', (db) => db.schema.dropTable('item')],
  ['schema.dropIndex', (db) => db.schema.dropIndex('item_pkey')],
  ['schema.dropSchema', (db) => db.schema.dropSchema('other').ifExists()],
  ['schema.dropView', (db) => db.schema.dropView('other').ifExists()],
  ['schema.dropType', (db) => db.schema.dropType('other').ifExists()],
  ['schema.refreshMaterializedView', (db) => db.schema.refreshMaterializedView('names')],
]

/** What they can say that a replica answers. */
export const READS: readonly Builder[] = [
  ['selectFrom', (db) => db.selectFrom('item').selectAll()],
  ['selectNoFrom', (db) => db.selectNoFrom((eb) => eb.val(1).as('one'))],
  [
    'with(select)',
    (db) =>
      db
        .with('w', (cte) => cte.selectFrom('item').select('id'))
        .selectFrom('w')
        .selectAll(),
  ],
  [
    'union of selects, with values that look like nodes',
    (db) =>
      db
        .selectFrom('item')
        .select('name')
        .where(sql`${{ kind: 'InsertQueryNode' }}::json`, 'is not', null)
        .where('name', '!=', 'ForUpdate')
        .unionAll(db.selectFrom('item').select('name')),
  ],
  ['distinct, which is a modifier too', (db) => db.selectFrom('item').select('qty').distinct()],
]
