import type driver from 'postgres'
import { differential, outcome, type Subject } from './differential.js'

/** What a transaction that inserts leaves behind. */
function leaves(
  work: (sql: driver.Sql, tag: string) => Promise<unknown>,
): (subject: Subject) => Promise<unknown> {
  return async ({ open }) => {
    const sql = open({ max: 2 })
    const tag = `t${Math.random()}`
    const ended = await outcome(() => work(sql, tag))
    const [left] = await sql`select count(*)::int as n from item where name like ${`${tag}%`}`
    await sql`delete from item where name like ${`${tag}%`}`
    const shown = JSON.stringify(left)
    return { ended, left: shown }
  }
}

differential('transactions and reserved connections', [
  {
    title: 'begin commits, and resolves to what its callback returns',
    sees: /"value":7.*"n\\":1/,
    run: leaves((sql, tag) =>
      sql.begin(async (tx) => {
        await tx`insert into item (name) values (${tag})`
        return 7
      }),
    ),
  },
  {
    title: 'begin with an array pipelines it, and resolves to its results',
    sees: /"n\\":2/,
    run: leaves(async (sql, tag) => {
      const results = await sql.begin((tx) => [
        tx`insert into item (name) values (${`${tag}a`})`,
        tx`insert into item (name) values (${`${tag}b`})`,
        tx`select 1 as one`,
      ])
      return results.map(({ count }) => count)
    }),
  },
  {
    title: 'begin with an array, one of which fails',
    sees: /23505.*"n\\":0/,
    run: leaves((sql, tag) =>
      sql.begin((tx) => [
        tx`insert into item (name) values ('n1')`,
        tx`insert into item (name) values ('n2')`,
        tx.unsafe(`insert into item (name) values ('${tag}')`),
      ]),
    ),
  },
  {
    title: 'a callback that throws, at once or later, rolls back',
    sees: /mine.*mine/,
    run: async (subject) => [
      await leaves((sql) =>
        sql.begin(() => {
          throw new Error('mine')
        }),
      )(subject),
      await leaves((sql, tag) =>
        sql.begin(async (tx) => {
          await tx`insert into item (name) values (${tag})`
          throw new Error('mine')
        }),
      )(subject),
    ],
  },
  {
    title: 'an error that was swallowed still fails the transaction',
    sees: /23505.*"n\\":0/,
    run: leaves((sql, tag) =>
      sql.begin(async (tx) => {
        await tx`insert into item (name) values (${tag})`
        await tx`insert into item (name) values ('n1')`.catch(() => {})
        return 'fine'
      }),
    ),
  },
  {
    title: 'what follows a failure reports that failure',
    sees: /23505/,
    run: leaves((sql) =>
      sql.begin(async (tx) => {
        await tx`insert into item (name) values ('n1')`.catch(() => {})
        await tx`select 1`
      }),
    ),
  },
  {
    title: 'savepoints: kept, rolled back, nested, named, as a template',
    sees: /inner.*"n\\":3/,
    run: leaves((sql, tag) =>
      sql.begin(async (tx) => {
        await tx`insert into item (name) values (${`${tag}1`})`
        const kept = await tx.savepoint((sp) => sp`insert into item (name) values (${`${tag}2`})`)
        const lost = await outcome(() =>
          tx.savepoint('named', async (sp) => {
            await sp`insert into item (name) values (${`${tag}3`})`
            throw new Error('inner')
          }),
        )
        const failed = await outcome(() =>
          tx.savepoint(async (sp) => {
            await sp.savepoint((deep) => deep`insert into item (name) values (${`${tag}4`})`)
            await sp`insert into item (name) values ('n1')`
          }),
        )
        const array = await tx.savepoint((sp) => [sp`select 1 as a`, sp`select 2 as b`])
        await tx.savepoint('x', (sp) => sp`insert into item (name) values (${`${tag}5`})`)
        const template: (strings: TemplateStringsArray) => Promise<unknown> = tx.savepoint as never
        return [kept, lost, failed, array, await template`select 3 as c`]
      }),
    ),
  },
  {
    title: 'options of begin, and what it makes of odd ones',
    sees: /repeatable read/,
    run: async ({ open }) => {
      const sql = open()
      const level = (options: string) =>
        sql.begin(
          options,
          (tx) =>
            tx`select current_setting('transaction_isolation') as level, current_setting('transaction_read_only') as ro`,
        )
      return [
        await level('isolation level repeatable read'),
        await level('read only;--1'),
        await outcome(() => level('nonsense')),
        await outcome(() =>
          sql.begin('read only', (tx) => tx`insert into item (name) values ('ro')`),
        ),
        await outcome(() => sql.begin(5 as never, (tx: driver.TransactionSql) => tx`select 1`)),
        await outcome(() => sql.begin('read only', undefined as never)),
        await sql`select 1 as one`,
      ]
    },
  },
  {
    title: 'what the sql of a transaction has',
    sees: /savepoint/,
    run: async ({ open }) => {
      const sql = open()
      return await sql.begin((tx) => Object.keys(tx).toSorted())
    },
  },
  {
    title: 'every form of query in a transaction',
    sees: /"rows":\[\{"g":1/,
    run: async ({ open }) => {
      const sql = open()
      const each: unknown[] = []
      return await sql.begin(async (tx) => {
        await tx`select g from generate_series(1, 3) g`.forEach((row) => void each.push(row))
        await tx`select g from generate_series(1, 3) g`.cursor(2, (rows) => {
          each.push(rows.length)
        })
        for await (const rows of tx`select g from generate_series(1, 3) g`.cursor(2))
          each.push(rows.length)
        const { string } = await tx`select 1 as one`.describe()
        return [
          each,
          string,
          await tx.unsafe('select $1::int as g', [1]),
          await tx.unsafe('select 1 as g; select 2 as g'),
          await tx`select ${tx.json({ a: 1 })} as j, ${tx.array([1])} as a, ${tx.typed('1', 23)} as t`,
          await tx`select 1 as a`.values(),
          await tx`select ${tx('name')} from item order by id limit 1`,
        ]
      })
    },
  },
  {
    title: 'prepare transaction',
    sees: /"prepared":1/,
    run: async ({ open, admin }) => {
      const name = `tx${Math.random()}`
      const ended = await outcome(() =>
        open().begin(async (tx) => {
          await tx`select 1`
          await tx.prepare(name)
        }),
      )
      const kept = await admin(
        'select count(*)::int as prepared from pg_prepared_xacts where gid = $1',
        [name],
      )
      await admin(`rollback prepared '${name}'`)
      return { ended, kept }
    },
  },
  {
    title: 'a constraint that fails at the commit',
    sees: /23503/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      await sql`create temp table parent (id int primary key)`
      await sql`create temp table child (id int references parent deferrable initially deferred)`
      return [
        await outcome(() => sql.begin((tx) => tx`insert into child values (1)`)),
        await sql`select count(*)::int as n from child`,
      ]
    },
  },
  {
    title: 'more transactions than connections wait their turn',
    sees: /30/,
    run: async ({ open }) => {
      const sql = open({ max: 3 })
      const pids = await Promise.all(
        Array.from({ length: 30 }, () =>
          sql.begin(async (tx) => {
            const [first] = await tx`select pg_backend_pid() as pid`
            const [second] = await tx`select pg_backend_pid() as pid`
            return first?.['pid'] === second?.['pid'] && first?.['pid']
          }),
        ),
      )
      return [pids.length, pids.every(Boolean), new Set(pids).size <= 3]
    },
  },
  {
    title: 'a query of the pool inside begin runs outside the transaction',
    sees: /"other":true/,
    run: async ({ open }) => {
      const sql = open({ max: 2 })
      return await sql.begin(async (tx) => {
        const [inside] = await tx`select pg_backend_pid() as pid`
        const [outside] = await sql`select pg_backend_pid() as pid`
        return { other: inside?.['pid'] !== outside?.['pid'] }
      })
    },
  },
  {
    title: 'a bare BEGIN is refused with more than one connection, allowed with one',
    sees: /UNSAFE_TRANSACTION.*UNSAFE_TRANSACTION/,
    run: async ({ open }) => {
      const many = open({ max: 2 })
      const one = open({ max: 1 })
      return [
        await outcome(() => many`begin`),
        await outcome(() => many.unsafe('begin')),
        await outcome(() => many.unsafe('start transaction')).then(() => 'not looked at'),
        await one`begin`,
        await one`commit`,
      ]
    },
  },
  {
    title: 'a reserved connection is one session until it is released',
    sees: /"same":true/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      const reserved = await sql.reserve()
      const [first] = await reserved`select pg_backend_pid() as pid`
      const [second] = await reserved.unsafe('select pg_backend_pid() as pid')
      const waiting = sql`select 1 as one`.then(() => 'ran')
      const early = await Promise.race([waiting, reserved`select 1`.then(() => 'waits')])
      await reserved`begin`
      await reserved`create temp table r on commit drop as select 1 as a`
      const inside = await reserved`select * from r`
      await reserved`rollback`
      const failed = await outcome(() => reserved`select * from r`)
      const keys = Object.keys(reserved).toSorted()
      reserved.release()
      return {
        same: first?.['pid'] === second?.['pid'],
        early,
        inside,
        failed,
        keys,
        afterwards: await waiting,
      }
    },
  },
])
