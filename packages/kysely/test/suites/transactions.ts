import { sharedLab, type TestDatabase, tapWire } from '@flyback/testkit'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { findReplayRequired, ReplayRequired, runOnPrimary } from '../../src/index.js'
import {
  count,
  failure,
  inRequest,
  type OpenDb,
  onStandby,
  openDb,
  openPair,
  openPostgres,
  openScope,
  pidOf,
  SCHEMA,
} from '../support.js'

const FORMS = [
  ['a pool of @flyback/pg', openDb],
  ['a pair of dialects', openPair],
] as const

const ALL_FORMS = [...FORMS, ['@flyback/postgres', openPostgres]] as const

/** What Kysely and we say of a statement that comes when all is over. */
const OVER = /given back|already rolled back/

/** Transactions of every form, over a pool of Flyback's and over two dialects that know nothing of it. */
export function describeTransactions(): void {
  const lab = sharedLab()
  let database: TestDatabase
  beforeAll(async () => {
    database = await lab.createDatabase({ schema: SCHEMA })
  })
  afterAll(() => database.drop())

  describe.each(FORMS)('a transaction over %s', (_form, openForm) => {
    const open = (region = 'iad'): OpenDb => openForm(database, region, { max: 1 })

    test('that reads runs on the replica', async () => {
      await using form = open()
      const scope = openScope(database, 'iad')
      const work = () => form.db.transaction().execute((tx) => onStandby(tx))
      expect(await inRequest(scope, work)).toBe(true)
      expect(scope.state).toBe('open')
    })

    test.each(['read only', undefined] as const)(
      'with access mode %s refuses a write, known or not, and keeps its connection',
      async (mode) => {
        await using form = open()
        const pid = await pidOf(form.db)
        const builder = () => {
          const transaction = form.db.transaction()
          return mode === undefined ? transaction : transaction.setAccessMode(mode)
        }
        const known = await failure(
          builder().execute((tx) => tx.updateTable('item').set({ qty: 1 }).execute()),
        )
        expect(known).toMatchObject({ reason: 'known-write', region: 'ewr' })
        const unknown = await failure(
          builder().execute((tx) => sql`select write_item()`.execute(tx)),
        )
        expect(unknown).toMatchObject({ reason: 'write', region: 'ewr' })
        expect(await builder().execute((tx) => onStandby(tx))).toBe(true)
        expect(await pidOf(form.db)).toBe(pid)
      },
    )

    test.each([
      ['serializable', (form: OpenDb) => form.db.transaction().setIsolationLevel('serializable')],
      ['read write', (form: OpenDb) => form.db.transaction().setAccessMode('read write')],
    ] as const)(
      '%s is refused by the replica at BEGIN, and leaks nothing',
      async (_title, begin) => {
        await using form = open()
        for (let i = 0; i < 3; i++) {
          const error = await failure(begin(form).execute((tx) => onStandby(tx)))
          expect(error).toBeInstanceOf(ReplayRequired)
          expect(error).toMatchObject({ cause: { code: '0A000' } })
        }
        expect(await onStandby(form.db)).toBe(true)
        expect(await runOnPrimary(() => begin(form).execute((tx) => onStandby(tx)))).toBe(false)
      },
    )

    const swallowing = [
      ['known', (tx: OpenDb['db']) => tx.insertInto('item').values({ name: 's' }).execute()],
      ['unknown', (tx: OpenDb['db']) => sql`select write_item()`.execute(tx)],
    ] as const
    test.each(swallowing)(
      'whose refusal (of a write that is %s) was swallowed rejects at its end, with it',
      async (_title, write) => {
        await using form = open()
        for (const scope of [undefined, openScope(database, 'iad')]) {
          let inside: unknown
          const work = () =>
            failure(
              form.db.transaction().execute(async (tx) => {
                // A transaction has what a Kysely has, but for what nobody calls in here.
                inside = await failure(write(tx as unknown as OpenDb['db']))
                const after = await failure(onStandby(tx))
                expect(findReplayRequired(after)).toBe(findReplayRequired(inside))
                return 'committed'
              }),
            )
          const outside = await (scope === undefined ? work() : inRequest(scope, work))
          expect(outside).toBeInstanceOf(ReplayRequired)
          expect(outside).toBe(findReplayRequired(inside))
        }
        expect(await onStandby(form.db)).toBe(true)
      },
    )

    test.each(swallowing)(
      'goes on behind a savepoint when the refusal (of a write that is %s) came after it',
      async (_title, write) => {
        await using form = open()
        const tx = await form.db.startTransaction().execute()
        await onStandby(tx)
        const saved = await tx.savepoint('one').execute()
        const error = await failure(write(saved as unknown as OpenDb['db']))
        expect(error).toBeInstanceOf(ReplayRequired)
        expect(await failure(saved.savepoint('two').execute())).toBe(error)
        expect(await failure(saved.releaseSavepoint('one').execute())).toBe(error)
        const back = await saved.rollbackToSavepoint('one').execute()
        expect(await onStandby(back)).toBe(true)
        await back.releaseSavepoint('one').execute()
        await tx.commit().execute()
        expect(tx.isCommitted).toBe(true)
        expect(await onStandby(form.db)).toBe(true)
      },
    )

    test('that is controlled: a failed commit leaves it to be rolled back', async () => {
      await using form = open()
      const tx = await form.db.startTransaction().execute()
      const error = await failure(tx.deleteFrom('item').execute())
      for (let i = 0; i < 2; i++) expect(await failure(tx.commit().execute())).toBe(error)
      await tx.rollback().execute()
      expect(tx.isRolledBack).toBe(true)
      expect(await onStandby(form.db)).toBe(true)
    })

    test('rule 16: that is controlled, and forgotten by a request that is replayed, is taken back', async () => {
      await using form = open()
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        const tx = await form.db.startTransaction().execute()
        await onStandby(tx)
        await failure(tx.deleteFrom('item').execute())
      })
      // The only connection there is.
      expect(await onStandby(form.db)).toBe(true)
    })

    test('rule 12: reads no more once its scope forwards; the error of the caller is kept', async () => {
      await using form = open()
      const scope = openScope(database, 'iad')
      await inRequest(scope, async () => {
        const mine = new Error('mine')
        let refused: unknown
        const thrown = await failure(
          form.db.transaction().execute(async (tx) => {
            expect(await onStandby(tx)).toBe(true)
            const primary = () => onStandby(form.db)
            expect(await runOnPrimary(primary, { afterReplicaReads: 'forward' })).toBe(false)
            refused = await failure(onStandby(tx))
            throw mine
          }),
        )
        expect(refused).toMatchObject({ reason: 'mixed-reads', replayable: false })
        expect(thrown).toBe(mine)
      })
      expect(await onStandby(form.db)).toBe(true)
    })

    test('commits what it read, although its scope forwards meanwhile', async () => {
      await using form = open()
      const result = await inRequest(openScope(database, 'iad'), () =>
        form.db.transaction().execute(async (tx) => {
          await onStandby(tx)
          await runOnPrimary(() => onStandby(form.db), { afterReplicaReads: 'forward' })
          return 'committed'
        }),
      )
      expect(result).toBe('committed')
    })

    test('in the primary region, and in a scope that forwards, writes whole', async () => {
      for (const region of ['ewr', 'iad']) {
        await using form = open(region)
        const name = `whole in ${region} over ${_form}`
        const work = () =>
          form.db.transaction().execute(async (tx) => {
            await tx.insertInto('item').values({ name }).execute()
            return await onStandby(tx)
          })
        expect(await (region === 'iad' ? runOnPrimary(work) : work())).toBe(false)
        expect(await count(database, name)).toBe(1)
      }
    })

    test('that fails for a reason of its own rolls back, and keeps its error', async () => {
      await using form = open('ewr')
      const name = `undone over ${_form}`
      const error = await failure(
        form.db.transaction().execute(async (tx) => {
          await tx.insertInto('item').values({ name }).execute()
          await sql`select 1/0`.execute(tx)
        }),
      )
      expect(error).toMatchObject({ code: '22012' })
      expect(await count(database, name)).toBe(0)
    })
  })

  describe.each(ALL_FORMS)('in a transaction over %s', (_form, openForm) => {
    test.each(['ewr', 'iad'])(
      'the order of statements is that of the calls, awaited or not: on the primary of %s',
      async (region) => {
        await using form = openForm(database, region, { max: 1 })
        const name = `not awaited in ${region} over ${_form}`
        const work = (ending: () => void) => {
          let saved: Promise<unknown> | undefined
          const transaction = form.db.withPrimary().transaction()
          const done = transaction.execute(async (tx) => {
            await tx.selectFrom('item').select('id').execute()
            saved = tx.insertInto('item').values({ name }).execute()
            saved.catch(() => {})
            ending()
          })
          return { done, saved: () => saved }
        }
        const undone = work(() => {
          throw new Error('no')
        })
        expect(await failure(undone.done)).toMatchObject({ message: 'no' })
        await undone.saved()
        expect(await count(database, name)).toBe(0)
        const kept = work(() => {})
        await kept.done
        await kept.saved()
        expect(await count(database, name)).toBe(1)
      },
    )

    test('rule 1: a statement that comes while it is rolled back is refused as well', async () => {
      await using form = openForm(database, 'iad', { max: 1 })
      for (let turns = 0; turns < 24; turns++) {
        const scope = openScope(database, 'iad')
        let late: Promise<unknown> | undefined
        const work = () =>
          form.db.transaction().execute(async (tx) => {
            const write = sql`insert into item (name) values ('late')`.execute(tx)
            const after = write.catch(async () => {
              for (let turn = 0; turn < turns; turn++) await Promise.resolve()
              late = failure(tx.selectFrom('item').select('name').execute())
            })
            await Promise.all([write, after])
          })
        await inRequest(scope, () => failure(work()))
        const error = await late
        if (!OVER.test(String(error))) {
          expect(findReplayRequired(error)).toBe(scope.refusal)
        }
      }
      expect(await onStandby(form.db)).toBe(true)
    })

    test('a known write that comes while it is rolled back is no success', async () => {
      await using form = openForm(database, 'iad', { max: 1 })
      for (let turns = 0; turns < 24; turns++) {
        let late: Promise<unknown> | undefined
        await failure(
          form.db.transaction().execute(async (tx) => {
            const write = sql`insert into item (name) values ('late')`.execute(tx)
            const after = write.catch(async () => {
              for (let turn = 0; turn < turns; turn++) await Promise.resolve()
              late = failure(tx.insertInto('item').values({ name: 'late' }).execute())
            })
            await Promise.all([write, after])
          }),
        )
        const error = await late
        if (!OVER.test(String(error))) expect(error).toBeInstanceOf(ReplayRequired)
      }
      expect(await onStandby(form.db)).toBe(true)
    })
  })

  test('a known write in a transaction costs BEGIN and ROLLBACK, and is not sent', async () => {
    await using wire = await tapWire(new URL(database.url('iad', 'replica')))
    await using open = openDb(database, 'iad', { max: 1, flyback: { replicaUrl: wire.url } })
    await onStandby(open.db)
    wire.messages.length = 0
    await failure(open.db.transaction().execute((tx) => tx.deleteFrom('item').execute()))
    const statements = wire.messages.filter((type) => type === 'Q' || type === 'S')
    expect(statements).toHaveLength(2)
  })
}
