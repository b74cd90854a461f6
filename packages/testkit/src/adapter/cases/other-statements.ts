import { findReplayRequired } from '@flyback/core'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import type { ContractCase, ContractSection } from '../contract-case.js'
import { sqlstatesIn } from '../sqlstates-in.js'

const OWN_FAILURES: readonly (readonly [title: string, sql: string, sqlstate: string])[] = [
  ['a syntax error', 'selec 1', '42601'],
  ['a missing table', 'select id from nowhere', '42P01'],
  ['division by zero', 'select 1/0 as x', '22012'],
  ['currval before nextval', "select currval('item_id_seq')::int", '55000'],
]

const ALLOWED: readonly (readonly [title: string, sql: string, answer: unknown])[] = [
  [
    'a function that swallows its own refusal',
    'select swallow_item() as answer',
    'swallowed 25006',
  ],
  ['a function of the standby', 'select pg_last_wal_replay_lsn() is not null as answer', true],
  ['a parameter of the session', "select current_setting('transaction_read_only') as answer", 'on'],
]

export const otherStatements: ContractSection = {
  heading: 'Other statements stay as they are',
  cases: [
    {
      title: 'a read is answered by the member beside the app',
      async run(bench) {
        await using open = await bench.open('iad')
        const rows = await bench.asRequest(() =>
          open.query('select host(inet_server_addr()) as host, pg_is_in_recovery() as standby'),
        )
        const host = new URL(bench.database.url('iad', 'replica')).hostname
        expect(rows).toEqual([{ host, standby: true }])
      },
    },
    {
      title: 'a read with parameters',
      async run(bench) {
        await using open = await bench.open('iad')
        const sql = 'select name, qty from item where name = $1 and qty = $2'
        expect(await open.query(sql, ['n3', 3])).toEqual([{ name: 'n3', qty: 3 }])
      },
    },
    {
      title: 'a read through the own models or builders of the library',
      async run(bench) {
        await using open = await bench.open('iad')
        expect(await open.items.find('n4')).toMatchObject({ name: 'n4', qty: 4 })
        expect(await open.items.find('nobody')).toBeUndefined()
      },
    },
    ...ALLOWED.map(
      ([title, sql, answer]): ContractCase => ({
        title: `${title} runs on the replica`,
        async run(bench) {
          await using open = await bench.open('iad')
          expect(await bench.asRequest(() => open.query(sql))).toEqual([{ answer }])
        },
      }),
    ),
    ...OWN_FAILURES.map(
      ([title, sql, sqlstate]): ContractCase => ({
        title: `${title} keeps its own error`,
        async run(bench) {
          await using open = await bench.open('iad')
          const scope = bench.scope()
          const error = await bench.request(scope, () => failure(open.query(sql)))
          expect(findReplayRequired(error)).toBeUndefined()
          expect(sqlstatesIn(error)).toContain(sqlstate)
          expect(scope.refusal).toBeUndefined()
        },
      }),
    ),
    {
      title: 'a constraint error of the primary keeps its own error',
      async run(bench) {
        await using open = await bench.open('ewr')
        const scope = bench.scope('ewr')
        const error = await bench.request(scope, () => failure(open.items.insert('n1')))
        expect(findReplayRequired(error)).toBeUndefined()
        expect(scope.refusal).toBeUndefined()
      },
    },
  ],
}
