import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import driver from 'postgres'
import { differential, outcome, until } from './differential.js'
import { sqlFile } from './support.js'

const SERIES = 'select g from generate_series(1, 5) g'

differential('queries and helpers', [
  {
    title: 'a tagged template, with what its result says of itself',
    sees: /"command":"SELECT".*"g:23"/,
    run: async ({ open }) => await open()`select ${5}::int as g, ${'x'} as t, ${null} as n`,
  },
  {
    title: 'fragments in fragments, and lists of them',
    sees: /"n2"/,
    run: async ({ open }) => {
      const sql = open()
      const ids = [2, 3]
      const where = sql`where qty in ${sql(ids)}`
      const extra = [sql`and true`, sql`and ${1} = 1`]
      return await sql`select ${sql('name')}, ${sql(['qty', 'id'])} from item ${where} ${extra} order by id`
    },
  },
  {
    title: 'insert, update and select helpers',
    sees: /h2.*"count":2/,
    run: async ({ open }) => {
      const sql = open()
      return await sql
        .begin(async (tx) => {
          const rows = [
            { name: 'h1', qty: 1 },
            { name: 'h2', qty: 2 },
          ]
          const inserted = await tx`insert into item ${tx(rows)} returning name`
          const updated = await tx`update item set ${tx({ qty: 9 }, 'qty')} where name = 'h1'`
          const selected = await tx`select ${tx({ a: 1, b: 'x' })}`
          return Promise.reject(
            Object.assign(new Error('undo'), { seen: { inserted, updated, selected } }),
          )
        })
        .catch((error: unknown) => Reflect.get(Object(error), 'seen'))
    },
  },
  {
    title: 'unsafe, with parameters, prepared, and with several statements',
    sees: /"command":"SELECT"/,
    run: async ({ open }) => {
      const sql = open()
      return [
        await sql.unsafe('select $1::int as one', [1]),
        await sql.unsafe('select $1::int as one', [1], { prepare: true }),
        await sql.unsafe('select 1 as one; select 2 as two'),
        await sql.unsafe('create temp table t (a int); insert into t values (1); select * from t'),
        await sql.unsafe(''),
      ]
    },
  },
  {
    title: 'values, raw and simple',
    sees: /bytes/,
    run: async ({ open }) => {
      const sql = open()
      return [
        await sql`select 1 as a, 'x' as b`.values(),
        await sql`select 1 as a, 'x' as b`.raw(),
        await sql`select 1 as a, 'x' as b`.simple(),
        await sql`select ${1}::int as a`.execute(),
      ]
    },
  },
  {
    title: 'describe sends nothing but the statement',
    sees: /insert into item/,
    run: async ({ open }) => {
      const { string, types, columns } =
        await open()`insert into item (name) values (${'x'}) returning id`.describe()
      return { string, types, columns: columns.map(({ name, type }) => [name, type]) }
    },
  },
  {
    title: 'forEach, and an error its callback throws',
    sees: /mine/,
    run: async ({ open }) => {
      const sql = open()
      const rows: unknown[] = []
      const result = await sql.unsafe(SERIES).forEach((row) => void rows.push(row))
      const failed = await outcome(() =>
        sql.unsafe(SERIES).forEach(() => {
          throw new Error('mine')
        }),
      )
      return { rows, result, failed, after: await sql`select 1 as one` }
    },
  },
  {
    title: 'cursors: a callback, an iterator, ends before the end, and failures',
    sees: /"rows":5/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      const batches: unknown[] = []
      const whole = await sql.unsafe(SERIES).cursor(2, (rows) => {
        batches.push([...rows])
      })
      const closed = await sql.unsafe(SERIES).cursor(2, () => sql.CLOSE)
      let rows = 0
      for await (const batch of sql.unsafe(SERIES).cursor(2)) rows += batch.length
      let broken = 0
      for await (const [row] of sql.unsafe(SERIES).cursor()) {
        broken = row?.['g']
        if (broken === 3) break
      }
      const failed = await outcome(() =>
        sql.unsafe(SERIES).cursor(2, () => {
          throw new Error('mine')
        }),
      )
      // In the driver it has the rows of the cursor before its own: see below.
      await sql`select 1`
      const refused = await outcome(async () => {
        for await (const batch of sql`select 1 / (g - 2) as g from generate_series(1, 5) g`.cursor())
          batches.push([...batch])
      })
      return {
        batches,
        whole,
        closed,
        rows,
        broken,
        failed,
        refused,
        after: await sql`select 1 as a`,
      }
    },
  },
  {
    title: 'debug: the stack of an error names its own caller',
    sees: /\[true,true,true\]/,
    run: async ({ open }) => {
      const sql = open({ max: 1, debug: () => {} })
      const fail = (run: typeof sql) => run`select 1 / 0`
      async function firstCaller() {
        return await outcome(() => fail(sql))
      }
      async function secondCaller() {
        return await outcome(() => fail(sql))
      }
      async function callerInTransaction() {
        return await outcome(() => sql.begin((tx) => [fail(tx as never)]))
      }
      const named = (answer: unknown, name: string): boolean =>
        String(Reflect.get(Object(Reflect.get(Object(answer), 'rejected')), 'stack')).includes(name)
      return [
        named(await firstCaller(), 'firstCaller'),
        named(await secondCaller(), 'secondCaller'),
        !named(await callerInTransaction(), 'firstCaller'),
      ]
    },
  },
  {
    title: 'a query after a cursor whose callback threw',
    sees: /"<undefined>","<undefined>",\{"a":1\}/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      const failed = await outcome(() =>
        sql.unsafe(SERIES).cursor(2, () => {
          throw new Error('mine')
        }),
      )
      return [failed, [...(await sql`select 1 as a`)]]
    },
    differs: {
      primary: { because: 'it has its own rows only', shows: /mine.*\[\{"a":1\}\]/ },
    },
  },
  {
    title: 'COPY both ways, and one that fails at its start',
    sees: /copied.*42P01/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      await sql`create temp table c (a text)`
      await pipeline(
        Readable.from(['copied\n', 'twice\n']),
        await sql`copy c from stdin`.writable(),
      )
      const out = await text(await sql`copy c to stdout`.readable())
      const failed = await outcome(async () => await sql`copy nowhere from stdin`.writable())
      return { out, failed, after: await sql`select count(*)::int as n from c` }
    },
  },
  {
    title: 'a file, with parameters, and one that is not there',
    sees: /ENOENT/,
    run: async ({ open }) => {
      const sql = open()
      await using one = await sqlFile('select $1::int as one')
      await using two = await sqlFile('select 1 as one; select 2 as two')
      return [
        await sql.file(one.path, [1]),
        await sql.file(two.path),
        await outcome(() => sql.file('/nowhere.sql')).then((ended) =>
          Reflect.get(Object(Reflect.get(Object(ended), 'rejected')), 'code'),
        ),
      ]
    },
  },
  {
    title: 'the types of JavaScript there and back',
    sees: /date 2020/,
    run: async ({ open }) => {
      const sql = open()
      return await sql`select ${true}::bool as b, ${'12'}::int8 as big, ${new Date(1.6e12)}::timestamptz as d,
        ${sql.json({ a: [1] })} as j, ${Buffer.from('hi')}::bytea as y, ${1.5}::float8 as f, ${'1.50'}::numeric as n,
        ${sql.typed('7', 23)} as typed, now() > ${new Date(0)} as later`
    },
  },
  {
    title: 'arrays of the server: nested, empty, NULL, quotes, braces, boxes, custom types',
    sees: /"sad".*\(1,1\)/,
    run: async ({ open, admin }) => {
      await admin(
        "do $$ begin create type mood as enum ('sad', 'ok'); exception when others then null; end $$",
      )
      const sql = open()
      return await sql`select array[1, 2] as ints, array[[1, 2], [3, null]] as nested, '{}'::int[] as none,
        array['a', null, '', 'null', 'a"b', 'c\\d', 'e,f', '{g}', ' h ', E'i\nj'] as texts, array[['x"', ','], ['', 'y']] as quoted,
        array[true, false] as bools, array['2020-01-01'::date] as dates, array['{"a": [1, "x"]}'::jsonb] as jsons,
        array['\\xff'::bytea] as bytes, '{(1,1),(0,0);(2,2),(1,1)}'::box[] as boxes, array['sad', 'ok']::mood[] as moods,
        array[1.5, 2]::numeric[] as numerics, array[row(1, 'x')]::text as record, '[0:1]={1,2}'::int[] as bounds,
        array['a']::name[] as names, array['00000000-0000-0000-0000-000000000000'::uuid] as uuids`
    },
  },
  {
    title: 'arrays as parameters',
    sees: /"sad"/,
    run: async ({ open, admin }) => {
      await admin(
        "do $$ begin create type mood as enum ('sad', 'ok'); exception when others then null; end $$",
      )
      const sql = open()
      return [
        await sql`select ${[1, 2]}::int[] as a, ${['x', 'y"', 'z\\', '']}::text[] as b, ${[[1], [2]]}::int[] as c`,
        await sql`select ${sql.array([1, 2])}::int[] as a, ${sql.array(['x', null])} as b, ${sql.array([])}::int[] as c`,
        await sql`select ${['sad']}::mood[] as m, ${sql.array([true, false])}::bool[] as t, ${sql.array([new Date(0)])}::timestamptz[] as d`,
        await sql`select ${sql.array([{ a: 1 }, { b: 'x' }] as never[], 3802)}::jsonb[] as j`,
        await sql`select ${sql.array(['(1,1),(0,0)', '(2,2),(1,1)'], 603)}::box[] as boxes`,
        await outcome(() => sql`select ${[undefined as never]}::int[] as a`),
      ]
    },
  },
  {
    title: 'a parser set on sql.options after the fact, also for arrays',
    sees: /day 2020/,
    run: async ({ open }) => {
      const sql = open()
      sql.options.parsers[1082] = (day) => `day ${day}`
      sql.options.serializers[23] = (n) => `${Number(n) + 1}`
      return await sql`select '2020-01-01'::date as d, ${1}::int as n, array['2020-01-02'::date] as days`
    },
  },
  {
    title: 'types of the user, one of them for bigint',
    sees: /<5>/,
    run: async ({ open }) => {
      const point = {
        to: 600,
        from: [600],
        serialize: ([x, y]: number[]) => `(${x},${y})`,
        parse: (p: string) => p.slice(1, -1).split(',').map(Number),
      }
      const sql = open({ types: { point, bigint: driver.BigInt } })
      const typed: (value: unknown) => driver.Parameter = Reflect.get(sql.types, 'point')
      return await sql`select ${typed([1, 2])} as p, 5::int8 as big, array[5::int8] as bigs, array['(1,2)'::point] as ps`
    },
  },
  {
    title: 'transforms of names, values, rows and undefined',
    sees: /someName/,
    run: async ({ open }) => {
      const camel = open({ transform: driver.camel })
      const custom = open({
        transform: {
          undefined: null,
          column: { from: (name) => `c_${name}`, to: (name) => name.replace('x', 'qty') },
          value: { from: (value) => (value === 1 ? 'one' : value) },
          row: { from: (row) => ({ ...row, seen: true }) },
        },
      })
      return [
        await camel`select 1 as some_name, ${camel('someName')} from (select 2 as some_name) t`,
        await camel`select '{"some_key": {"a_b": 1}}'::jsonb as some_json`,
        await custom`select 1 as a, ${undefined as never}::text as u, ${custom('x')} from item order by id limit 1`,
        await custom`select 1 as a`.values(),
        await custom`select array[${1}::int, null]::int[] as a`,
      ]
    },
  },
  {
    title: 'errors of the server, tagged and not, with what they hide',
    sees: /42601.*22012.*23505/,
    run: async ({ open }) => {
      const sql = open()
      return [
        await outcome(() => sql`selec ${1}`),
        await outcome(() => sql.unsafe('selec 1')),
        await outcome(() => sql`select 1 / ${0}::int as a`),
        await outcome(() => sql`insert into item (name) values ('n1')`),
        await outcome(() => sql.unsafe('select 1; selec 2')),
        await sql`select 1 as one`,
      ]
    },
  },
  {
    title: 'errors show their query with debug',
    sees: /"enumerable":true/,
    run: async ({ open }) => await outcome(() => open({ debug: true })`select 1 / ${0}::int as a`),
  },
  {
    title: 'an error has the place of the template in its stack',
    sees: /true/,
    run: async ({ open }) => {
      const error = await open()`selec 1`.catch((caught: unknown) => caught)
      return String(Reflect.get(Object(error), 'stack')).includes('differential-query')
    },
  },
  {
    title: 'errors of the driver itself',
    sees: /UNDEFINED_VALUE.*NOT_TAGGED_CALL.*MAX_PARAMETERS_EXCEEDED/,
    run: async ({ open }) => {
      const sql = open()
      return [
        await outcome(() => sql`select ${undefined as never}`),
        await outcome(() => sql('x')),
        await sql
          .unsafe(
            'select 1',
            Array.from({ length: 65_535 }, () => 1),
          )
          .catch(String),
        await outcome(() => (sql`select 1` as unknown as { stream(): unknown }).stream()),
        await sql`select 1 as one`,
      ]
    },
  },
  {
    title: 'nothing is sent before it is asked for, and once then',
    sees: /"n":1/,
    run: async ({ open }) => {
      const sql = open()
      const qty = -Math.ceil(Math.random() * 1e9)
      const query = sql`insert into item (name, qty) values ('lazy' || random(), ${qty})`
      const before = await sql`select count(*)::int as n from item where qty = ${qty}`
      await Promise.all([query, query.then(() => {}), query.execute()])
      const after = await sql`select count(*)::int as n from item where qty = ${qty}`
      await sql`delete from item where qty = ${qty}`
      return { before, after }
    },
  },
  {
    title: 'a query is a promise of the driver',
    sees: /Query/,
    run: async ({ open }) => {
      const query = open()`select 1 as one`
      const names = Object.getOwnPropertyNames(Object.getPrototypeOf(query)).toSorted()
      return [query instanceof Promise, query.constructor.name, names, await query]
    },
  },
  {
    title: 'prepared statements are kept, and not with prepare: false',
    sees: /"n":1/,
    run: async ({ open }) => {
      const answers: unknown[] = []
      for (const prepare of [true, false]) {
        const sql = open({ max: 1, fetch_types: false, prepare })
        for (const n of [1, 2, 3]) await sql`select ${n}::int as reused`
        answers.push(
          await sql.unsafe(
            `select count(*)::int as n from pg_prepared_statements where statement like '%reused%' and statement not like '%pg_prepared%'`,
          ),
        )
      }
      return answers
    },
  },
  {
    title: 'a changed table behind a prepared statement',
    sees: /"b":2/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      await sql`create temp table t as select 1 as a`
      const read = async (n: number): Promise<unknown> =>
        await sql`select * from t where ${n} = ${n}`
      const before = await read(1)
      await sql`alter table t add b int default 2`
      return [before, await read(1)]
    },
  },
  {
    title: 'cancel of a running query, and of one that was never run',
    sees: /57014.*57014/,
    run: async (subject) => {
      // The same runs at the same time for the other role.
      const application_name = `cancels-${Math.random()}`
      const sql = subject.open({ max: 1, connection: { application_name } })
      const running = sql`select pg_sleep(20) as cancel_me`
      const ended = outcome(() => running)
      await until(
        subject,
        `select count(*) > 0 from pg_stat_activity where state = 'active' and query like '%as cancel_me%' and application_name = '${application_name}'`,
      )
      running.cancel()
      const never = sql`select 1`
      // Its own catch would run it, and that blocks a connection of the driver.
      const refused = new Promise((resolve) => {
        void Promise.prototype.then.call(never, undefined, resolve)
      })
      never.cancel()
      return [await ended, await refused, await sql`select 1 as one`]
    },
  },
  {
    title: 'results in the order they were asked for, on one connection and on many',
    sees: /\[0,1,2/,
    run: async ({ open }) => {
      const answers: unknown[] = []
      for (const max of [1, 3]) {
        const sql = open({ max })
        const queries = Array.from({ length: 40 }, (_, i) =>
          i % 2 ? sql`select ${i}::int as i` : sql.unsafe(`select ${i} as i`),
        )
        answers.push((await Promise.all(queries)).map(([row]) => row?.['i']))
      }
      return answers
    },
  },
  {
    title: 'a megabyte there and back',
    sees: /1048576/,
    run: async ({ open }) => {
      const big = 'x'.repeat(2 ** 20)
      const [row] = await open()`select ${big} as big, length(${big}) as n`
      return [row?.['big'] === big, row?.['n']]
    },
  },
])
