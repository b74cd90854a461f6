import { runOnPrimary } from '@flyback/core/scope'
import { expect } from 'vitest'
import type { Row } from '../adapter-under-test.js'
import { able } from '../bench.js'
import type { ContractSection } from '../contract-case.js'

export const streams: ContractSection = {
  heading: 'Streams, COPY, prepared statements, LISTEN and held connections',
  cases: [
    {
      title: 'rows streamed from the replica',
      needs: ['streams'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const rows: Row[] = []
        const sql = 'select g, pg_is_in_recovery() as standby from generate_series(1, 5) g'
        await bench.asRequest(() => able(open.stream, 'streams')(sql, (row) => rows.push(row)))
        expect(rows).toEqual([1, 2, 3, 4, 5].map((g) => ({ g, standby: true })))
      },
    },
    {
      title: 'a stream that writes is refused before its first row',
      needs: ['streams'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const rows: Row[] = []
        const sql = "insert into item (name) values ('streamed') returning id"
        await bench.asRequest(() =>
          bench.refusal(() => able(open.stream, 'streams')(sql, (row) => rows.push(row))),
        )
        expect(rows).toEqual([])
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'rows delivered before a refusal stay delivered, once, and the refusal is reported',
      needs: ['streams'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const rows: Row[] = []
        const sql =
          'select g, case when g = 3 then write_item() end as w from generate_series(1, 5) g'
        await bench.asRequest(() =>
          bench.refusal(() => able(open.stream, 'streams')(sql, (row) => rows.push(row))),
        )
        expect(rows.map(({ g }) => g)).toEqual([1, 2])
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'a stream in a scope that forwards comes from the primary',
      needs: ['streams'],
      async run(bench) {
        await using open = await bench.open('iad')
        const rows: Row[] = []
        const sql = 'select pg_is_in_recovery() as standby'
        await bench.asRequest(() =>
          runOnPrimary(() => able(open.stream, 'streams')(sql, (row) => rows.push(row))),
        )
        expect(rows).toEqual([{ standby: false }])
      },
    },
    {
      title: 'COPY ... TO STDOUT reads the replica',
      needs: ['copy'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const copied = await bench.asRequest(() =>
          able(open.copyOut, 'copy')("copy (select name from item where name = 'n1') to stdout"),
        )
        expect(copied).toBe('n1\n')
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'COPY of a write TO STDOUT is refused',
      needs: ['copy'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const sql = "copy (insert into item (name) values ('copied') returning id) to stdout"
        await bench.asRequest(() => bench.refusal(() => able(open.copyOut, 'copy')(sql)))
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'COPY ... FROM STDIN is refused, and works in the primary region',
      needs: ['copy'],
      async run(bench) {
        const name = bench.name()
        const copy = (open: { copyIn?: (sql: string, lines: string) => Promise<void> }) =>
          able(open.copyIn, 'copy')('copy item (name) from stdin', `${name}\n`)
        await using open = await bench.open('iad', { max: 1 })
        await bench.asRequest(() => bench.refusal(() => copy(open)))
        expect(await bench.standby(open)).toBe(true)
        await using atPrimary = await bench.open('ewr')
        await copy(atPrimary)
        expect(await bench.count(name)).toBe(1)
      },
    },
    {
      title: 'a prepared read, run twice',
      needs: ['prepared statements'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const prepared = able(open.prepared, 'prepared statements')
        for (const name of ['n1', 'n2']) {
          expect(await prepared('select name from item where name = $1', [name])).toEqual([
            { name },
          ])
        }
      },
    },
    {
      title: 'a prepared write is refused each time, and keeps its connection',
      needs: ['prepared statements'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        const prepared = able(open.prepared, 'prepared statements')
        const pid = await bench.pid(open)
        for (const name of ['p1', 'p2']) {
          await bench.asRequest(() =>
            bench.refusal(() =>
              prepared('insert into item (name) values ($1) returning id', [name]),
            ),
          )
        }
        expect(await bench.pid(open)).toBe(pid)
      },
    },
    {
      title: 'LISTEN by way of the library hears the primary',
      needs: ['listen'],
      async run(bench) {
        await using open = await bench.open('iad')
        const heard: string[] = []
        const stop = await able(open.listen, 'listen')('news', (payload) => heard.push(payload))
        await bench.database.query('ewr', "select pg_notify('news', 'hello')")
        await expect.poll(() => heard).toEqual(['hello'])
        await stop()
      },
    },
    {
      title: 'a held connection is one session, on the replica',
      needs: ['sessions'],
      async run(bench) {
        await using open = await bench.open('iad')
        await bench.asRequest(() =>
          able(
            open.session,
            'sessions',
          )(async (session) => {
            expect(await bench.pid(session)).toBe(await bench.pid(session))
            expect(await bench.standby(session)).toBe(true)
          }),
        )
      },
    },
    {
      title: 'a held connection never changes its endpoint: after a forward it is refused',
      needs: ['sessions'],
      async run(bench) {
        await using open = await bench.open('iad')
        await bench.asRequest(() =>
          able(
            open.session,
            'sessions',
          )(async (session) => {
            expect(await bench.standby(session)).toBe(true)
            await runOnPrimary(() => open.query('select 1 as one'), {
              afterReplicaReads: 'forward',
            })
            const refusal = await bench.refusal(() => session.query('select 1 as one'))
            expect(refusal).toMatchObject({ reason: 'mixed-reads', replayable: false })
          }),
        )
      },
    },
    {
      title: 'a held connection taken while the scope forwards is one of the primary',
      needs: ['sessions'],
      async run(bench) {
        await using open = await bench.open('iad')
        await bench.asRequest(() =>
          runOnPrimary(() =>
            able(
              open.session,
              'sessions',
            )(async (session) => {
              expect(await bench.standby(session)).toBe(false)
              expect(await bench.pid(session)).toBe(await bench.pid(session))
            }),
          ),
        )
      },
    },
    {
      title: 'a session that reads SERIALIZABLE is refused at its first read',
      needs: ['sessions'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        await able(
          open.session,
          'sessions',
        )(async (session) => {
          await session.query('set default_transaction_isolation = serializable')
          await bench.refusal(() => session.query('select count(*)::int as n from item'))
          await session.query('reset default_transaction_isolation')
        })
        expect(await bench.standby(open)).toBe(true)
      },
    },
    {
      title: 'a refusal on a held connection keeps the session',
      needs: ['sessions'],
      async run(bench) {
        await using open = await bench.open('iad', { max: 1 })
        await able(
          open.session,
          'sessions',
        )(async (session) => {
          const pid = await bench.pid(session)
          await bench.refusal(() => session.query('select write_item()'))
          expect(await bench.pid(session)).toBe(pid)
        })
        expect(await bench.standby(open)).toBe(true)
      },
    },
  ],
}
