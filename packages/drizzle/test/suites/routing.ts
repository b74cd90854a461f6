import { findReplayRequired } from '@flyback/core'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { eq, sql } from 'drizzle-orm'
import { withReplicas } from 'drizzle-orm/pg-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { runOnPrimary } from '../../src/flyback.js'
import {
  type Database,
  type Fixture,
  failure,
  inRequest,
  item,
  openScope,
  rowsOf,
  SCHEMA,
} from '../support.js'

const STANDBY = sql<boolean>`pg_is_in_recovery()`

/** Which way a request's statements go, and what is refused to it. */
export function routing(fixture: Fixture): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  const standby = async (db: Pick<Database, 'select'>): Promise<boolean | undefined> =>
    (await db.select({ standby: STANDBY }).from(item).limit(1))[0]?.standby

  describe('$primary', () => {
    test('is the database itself in the primary region', async () => {
      await using open = fixture.open(database, 'ewr')
      expect(open.db.$primary).toBe(open.db)
    })

    test('in a replica region is one other database, with all that was configured', async () => {
      const logged: string[] = []
      const logger = { logQuery: (query: string) => logged.push(query) }
      await using open = fixture.open(database, 'iad', { logger })
      expect(open.db.$primary).not.toBe(open.db)
      expect(open.db.$primary).toBe(open.db.$primary)
      expect(open.db.$primary.constructor).toBe(open.db.constructor)
      await open.db.$primary.query.note.findFirst()
      expect(logged).toEqual([expect.stringContaining('"item_id"')])
      expect(open.db.$primary._.fullSchema).toBe(open.db._.fullSchema)
    })

    test('rule 12: a request that used it reads on the primary from then on', async () => {
      await using open = fixture.open(database, 'iad')
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        expect(await standby(open.db.$primary)).toBe(false)
        expect(scope.state).toBe('forwarding')
        expect(await standby(open.db)).toBe(false)
        expect(await open.db.transaction((tx) => standby(tx))).toBe(false)
        expect(rowsOf(await open.db.execute(sql`select ${STANDBY} as s`))).toEqual([{ s: false }])
      })
      expect(await standby(open.db)).toBe(true)
    })

    test('rule 1: a request that read the replica before is replayed instead', async () => {
      await using open = fixture.open(database, 'iad')
      const scope = openScope(database, 'iad')
      const error = await inRequest(scope, async () => {
        await standby(open.db)
        return await failure(standby(open.db.$primary))
      })
      expect(findReplayRequired(error)).toMatchObject({ reason: 'mixed-reads', replayable: true })
      expect(scope.state).toBe('replaying')
    })
  })

  test('runOnPrimary sends everything of a job to the primary', async () => {
    await using written = await lab.createDatabase({ schema: SCHEMA })
    await using open = fixture.open(written, 'iad')
    const scope = openScope(written, 'iad', false)
    await inRequest(scope, () =>
      runOnPrimary(async () => {
        await open.db.insert(item).values({ name: 'job' })
        expect(await open.db.select().from(item).where(eq(item.name, 'job'))).toHaveLength(1)
        await open.db.transaction((tx) => tx.update(item).set({ qty: 3 }).then())
      }),
    )
    expect(scope.lostRefusal).toBeUndefined()
    expect(await written.query('ewr', 'writer', 'select sum(qty)::int as n from item')).toEqual([
      { n: 33 },
    ])
  })

  test('rule 16: a transaction left open by a request that ended in a replay is taken back', async () => {
    await using open = fixture.open(database, 'iad', { max: 2 })
    let openGate = (): void => {}
    const gate = new Promise<void>((resolve) => {
      openGate = resolve
    })
    let start = (): void => {}
    const started = new Promise<void>((resolve) => {
      start = resolve
    })
    let forgotten: Promise<Error> | undefined
    await inRequest(openScope(database, 'iad'), async () => {
      forgotten = failure(
        open.db.transaction(async (tx) => {
          await standby(tx)
          start()
          await gate
          await standby(tx)
        }),
      )
      await started
      await failure(open.db.delete(item))
    })
    await open.settled()
    expect(await standby(open.db)).toBe(true)
    openGate()
    // postgres.js reports the lost connection, node-postgres the refusal.
    expect(await forgotten).toBeInstanceOf(Error)
  })

  test('a prepared statement goes where its request goes', async () => {
    await using open = fixture.open(database, 'iad', { max: 1 })
    const prepared = open.db.select({ standby: STANDBY }).from(item).limit(1).prepare('where_am_i')
    const here = [{ standby: true }]
    expect(await prepared.execute()).toEqual(here)
    await inRequest(openScope(database, 'iad', false), () =>
      runOnPrimary(async () => expect(await prepared.execute()).toEqual([{ standby: false }])),
    )
    expect(await prepared.execute()).toEqual(here)
  })

  test('rule 1: a refused request sends nothing more, whatever it calls', async () => {
    await using open = fixture.open(database, 'iad')
    const scope = openScope(database, 'iad')
    await inRequest(scope, async () => {
      await failure(open.db.insert(item).values({ name: 'x' }))
      for (const work of [
        () => standby(open.db),
        () => standby(open.db.$primary),
        () => open.db.execute(sql`select 1`),
        () => open.db.query.item.findFirst(),
        () => open.db.$count(item),
        () => open.db.transaction((tx) => standby(tx)),
      ]) {
        expect(findReplayRequired(await failure(work()))).toBe(scope.refusal)
      }
    })
  })

  test('the scope is that of the await, not of the place where the query was built', async () => {
    await using open = fixture.open(database, 'iad')
    const query = open.db.update(item).set({ qty: 1 })
    const scope = openScope(database, 'iad')
    await inRequest(scope, () => failure(query))
    expect(scope.state).toBe('replaying')
  })

  test('an error is of Drizzle, its cause is the refusal, and the cause of that is of the driver', async () => {
    await using open = fixture.open(database, 'iad')
    const error = await failure(open.db.insert(item).values({ name: 'sEcReT' }))
    const refusal = findReplayRequired(error)
    expect(refusal?.cause).toMatchObject({ code: '25006', routine: 'PreventCommandIfReadOnly' })
    expect(error.constructor.name).toBe(fixture.oldest ? 'ReplayRequired' : 'DrizzleQueryError')
    if (!fixture.oldest) {
      expect(error.cause).toBe(refusal)
      expect(error).toMatchObject({
        query: 'insert into "item" ("id", "name", "qty") values (default, $1, default)',
        params: ['sEcReT'],
      })
    }
    expect(`${refusal?.message} ${refusal?.stack} ${JSON.stringify(refusal)}`).not.toContain(
      'sEcReT',
    )
  })

  test('a recovery conflict runs again, and the caller sees only rows', async () => {
    await using open = fixture.open(database, 'iad')
    const answer = rowsOf(await open.db.execute(sql`select conflict_on_standby() as answer`))
    expect(answer).toEqual([{ answer: 'ok' }])
  })

  test('a recovery conflict in a transaction is the error of the driver', async () => {
    await using open = fixture.open(database, 'iad', { max: 1 })
    const work = open.db.transaction((tx) => tx.execute(sql`select conflict_on_standby()`))
    const error = await failure(work)
    expect(findReplayRequired(error)).toBeUndefined()
    expect(fixture.oldest ? error : error.cause).toMatchObject({ code: '40001' })
  })

  describe('withReplicas', () => {
    test('over both keeps its own rule: reads here, the rest on the primary', async () => {
      await using written = await lab.createDatabase({ schema: SCHEMA })
      await using open = fixture.open(written, 'iad')
      const db = withReplicas(open.db.$primary, [open.db])
      expect(await standby(db)).toBe(true)
      expect(await db.query.item.findFirst({ extras: { s: STANDBY.as('s') } })).toMatchObject({
        s: true,
      })
      expect(rowsOf(await db.execute(sql`select ${STANDBY} as s`))).toEqual([{ s: false }])
      await db.insert(item).values({ name: 'written' })
      expect(await db.transaction((tx) => standby(tx))).toBe(false)
      expect(await standby(db.$primary)).toBe(false)
    })

    test('rule 12: in a request, reads after the write are on the primary too', async () => {
      await using written = await lab.createDatabase({ schema: SCHEMA })
      await using open = fixture.open(written, 'iad')
      const db = withReplicas(open.db.$primary, [open.db])
      await inRequest(openScope(written, 'iad'), async () => {
        await db.insert(item).values({ name: 'written' })
        expect(await db.select().from(item).where(eq(item.name, 'written'))).toHaveLength(1)
        expect(await standby(db)).toBe(false)
      })
    })

    test('in the primary region is one database', async () => {
      await using open = fixture.open(database, 'ewr')
      const db = withReplicas(open.db.$primary, [open.db])
      expect(await standby(db)).toBe(false)
      expect(await db.select().from(item)).toHaveLength(10)
    })

    test('a database that is spread opens no second pool', async () => {
      await using open = fixture.open(database, 'iad')
      expect(Object.keys(open.db)).not.toContain('$primary')
    })
  })

  test('rule 15: 50 requests at once on two connections write exactly once each', async () => {
    await using written = await lab.createDatabase({ schema: SCHEMA })
    await using here = fixture.open(written, 'iad', { max: 2 })
    await using primary = fixture.open(written, 'ewr', { max: 2 })
    const request = (id: number) => async (db: Database) => {
      await db.select().from(item).where(eq(item.id, id))
      if (id % 2 === 0) return await standby(db)
      await db.transaction(async (tx) => {
        await tx.select().from(item).limit(1)
        await tx.insert(item).values({ name: `request ${id}` })
      })
      return 'written'
    }
    const serve = async (id: number): Promise<unknown> => {
      const scope = openScope(written, 'iad')
      try {
        return await inRequest(scope, () => request(id)(here.db))
      } catch (error) {
        expect(findReplayRequired(error)).toBe(scope.refusal)
        expect(scope.state).toBe('replaying')
        return await inRequest(openScope(written, 'ewr'), () => request(id)(primary.db))
      }
    }
    const answers = await Promise.all(Array.from({ length: 50 }, (_, id) => serve(id)))
    expect(answers).toEqual(answers.map((_, id) => (id % 2 === 0 ? true : 'written')))
    const [counted] = await written.query(
      'ewr',
      'writer',
      "select count(*)::int as n, count(distinct name)::int as distinct from item where name like 'request %'",
    )
    expect(counted).toEqual({ n: 25, distinct: 25 })
    expect(here.opened() ?? 2).toBeLessThanOrEqual(2)
  })
}
