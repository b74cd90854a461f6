import pg from 'pg'
import {
  call,
  calledBack,
  counts,
  differential,
  onBoth,
  onClient,
  outcome,
} from './differential.js'

const ONE = 'select 1 as one'
const SUM = 'select $1::int + $2::int as sum'

differential('the forms of query', [
  {
    title: 'text, values, config, config with values, rowMode array, and a named statement twice',
    sees: /"sum":3.*\[\[1,2\]\]/,
    run: onBoth(async (target) => [
      (await target.query(ONE)).rows,
      (await target.query(SUM, [1, 2])).rows,
      (await target.query({ text: SUM, values: [1, 2] })).rows,
      (await target.query({ text: SUM }, [3, 4])).rows,
      (await target.query({ text: 'select 1, 2', rowMode: 'array' })).rows,
      (await target.query({ name: 'sum', text: SUM, values: [5, 6] })).rows,
      (await target.query({ name: 'sum', text: SUM, values: [7, 8] })).rows,
    ]),
  },
  {
    title: 'callbacks in each place get null or undefined and the result, and nothing is returned',
    sees: /"returned":"<undefined>","args":\["<undefined>",\[{"one":1}\]\]/,
    run: onBoth(async (target) => {
      const forms = [
        (done: (...args: unknown[]) => void) => target.query(ONE, done),
        (done: (...args: unknown[]) => void) => target.query(SUM, [1, 2], done),
        (done: (...args: unknown[]) => void) => target.query({ text: SUM, values: [1, 2] }, done),
        (done: (...args: unknown[]) => void) => target.query({ rowMode: 'array', text: ONE }, done),
        (done: (...args: unknown[]) => void) => call(target, ONE, undefined, done),
        (done: (...args: unknown[]) => void) => call(target, { text: SUM }, [1, 2], done),
      ]
      const answers = []
      for (const form of forms) {
        const { returned, args } = await calledBack(form)
        const [error, result] = args
        answers.push({ returned, args: [error, Reflect.get(Object(result), 'rows')] })
      }
      return answers
    }),
  },
  {
    title: 'callbacks get an error and nothing else',
    sees: /"returned":"<undefined>","args":\[{"class":"DatabaseError"/,
    run: onBoth(async (target) => [
      await calledBack((done) => target.query('select 1/0', done)),
      await calledBack((done) => target.query('select 1/$1::int', [0], done)),
    ]),
  },
  {
    title: 'a callback inside the config works on a client',
    sees: /"returned":"<undefined>","error":null,"rows":\[{"one":1}\]/,
    run: onClient(async (client) => {
      const { returned, args } = await calledBack((callback) =>
        call(client, { text: ONE, callback }),
      )
      return { returned, error: args[0], rows: Reflect.get(Object(args[1]), 'rows') }
    }),
  },
  {
    title: 'a function as the first parameter is refused by the pool, by promise and callback',
    sees: /Passing a function as the first parameter to pool.query is not supported/,
    async run(make) {
      const pool = make()
      return [(await calledBack((done) => call(pool, done))).args, counts(pool)]
    },
  },
  {
    title: 'nothing as a query is a TypeError, and costs the pool nothing',
    sees: /Client was passed a null or undefined query.*"works":\[{"one":1}\],"after":"1\/1\/0\/0"/,
    async run(make) {
      const pool = make({ max: 1 })
      const answers = [
        await outcome(() => call(pool, null)),
        await outcome(() => call(pool)),
        (await calledBack((done) => call(pool, null, done))).args,
      ]
      const works = (await pool.query(ONE)).rows
      return { answers, works, after: counts(pool) }
    },
  },
  {
    title: 'nothing as a query throws at once from a client',
    sees: /"threw":{"class":"TypeError"/,
    run: onClient(async (client) => [
      await outcome(() => call(client, null)),
      await outcome(() => call(client, undefined, () => {})),
      (await client.query(ONE)).rows,
    ]),
  },
  {
    title: 'a callback that is no function throws from a client',
    sees: /"threw":.*callback is not a function/,
    run: onClient(async (client) => outcome(() => call(client, ONE, [], 'no function'))),
  },
  {
    title: 'statements that cannot be sent reject, and the client goes on',
    sees: /must have either text or a name.*values must be an array.*Prepared statements must be unique/,
    run: onBoth(async (target) => {
      await target.query({ name: 'unique', text: ONE })
      return [
        await outcome(() => call(target, {})),
        await outcome(() => call(target, { text: SUM, values: 'ab' })),
        await outcome(() => target.query({ name: 'unique', text: 'select 2 as two' })),
        (await target.query(ONE)).rows,
      ]
    }),
  },
  {
    title: 'a parameter that cannot be converted rejects with the error of its conversion',
    sees: /"mine":true/,
    run: onBoth(async (target) => {
      const bad = new Error('no conversion')
      const value = {
        toPostgres() {
          throw bad
        },
      }
      const mine = await Promise.resolve(call(target, 'select $1::text', [value])).catch(
        (error: unknown) => error === bad,
      )
      return { mine, works: (await target.query(ONE)).rows }
    }),
  },
  {
    title: 'the config of the caller is not changed, frozen or not',
    sees: /"keys":\["text","values"\]/,
    run: onBoth(async (target) => {
      const config = { text: SUM, values: [1, 2] }
      const frozen = Object.freeze({ text: ONE })
      const rows = []
      for (let i = 0; i < 2; i++) {
        rows.push((await target.query(config)).rows, (await target.query(frozen)).rows)
      }
      return { rows, keys: Object.keys(config) }
    }),
  },
])

differential('results', [
  {
    title: 'a result has its own keys, fields, command and count',
    sees: /"command":"SELECT","rowCount":2.*"Result"/,
    run: onBoth(async (target) => {
      const result = await target.query('select g, g::text as t from generate_series(1, 2) g')
      return { ...result, class: result.constructor.name, keys: Object.keys(result) }
    }),
  },
  {
    title: 'each command answers with its name and count',
    sees: /\["BEGIN",null,0,"T"\],\["INSERT",2,2,"T"\],\["UPDATE",0,0,"T"\]/,
    run: onClient(async (client) => {
      const answers: unknown[] = []
      for (const sql of [
        'begin',
        "insert into item (name) values ('r1'), ('r2') returning qty",
        'update item set qty = 1 where false',
        'delete from item where qty = 0',
        'savepoint a',
        'rollback to a',
        '',
        '-- nothing',
        'rollback',
      ]) {
        const { command, rowCount, rows } = await client.query(sql)
        answers.push([command, rowCount, rows.length, client.getTransactionStatus()])
      }
      return answers
    }),
  },
  {
    title: 'several statements answer with several results, and one error for all',
    sees: /\[\["SELECT",\[{"one":1}\]\],\["SELECT",\[{"two":2}\]\]\].*"22012"/,
    run: onBoth(async (target) => {
      const results: unknown = await target.query(`${ONE}; select 2 as two`)
      const list = Array.isArray(results) ? results.map(({ command, rows }) => [command, rows]) : []
      return [list, await outcome(() => target.query(`${ONE}; select 1/0; select 2`))]
    }),
  },
  {
    title: 'values convert both ways as pg converts them',
    sees: /<date 2020-01-02T03:04:05.000Z>.*<bytes 00ff>/,
    run: onBoth(async (target) => {
      const sql =
        'select $1::timestamptz as at, $2::bytea as bytes, $3::jsonb as json, $4::int[] as list, $5::bool as yes, $6::int8 as big, $7::numeric as number, $8::text as nothing'
      const values = [new Date('2020-01-02T03:04:05Z'), Buffer.from('00ff', 'hex'), { a: [1] }]
      return (await target.query(sql, [...values, [1, 2], true, 9n, '1.50', undefined])).rows
    }),
  },
  {
    title: 'type parsers of the query, the client and the pool apply',
    sees: /"query int4".*client int8 1.*client int8 2.*pool int4/,
    async run(make) {
      const types = (name: string): pg.CustomTypesConfig => ({
        getTypeParser: () => () => name,
      })
      const pool = make({ max: 1 })
      const client = await pool.connect()
      client.setTypeParser(pg.types.builtins.INT8, (text: string) => `client int8 ${text}`)
      const rows = [
        (await client.query({ text: 'select 1::int4 as a', types: types('query int4') })).rows,
        (await client.query('select 1::int8 as b')).rows,
        String(client.getTypeParser(pg.types.builtins.INT8)('5')),
      ]
      client.release()
      rows.push((await pool.query('select 2::int8 as c')).rows)
      const other = make({ types: types('pool int4') })
      return [...rows, (await other.query('select 1::int4 as d')).rows]
    },
  },
  {
    title: 'a type parser that throws rejects with its error, and the client goes on',
    sees: /"mine":true,"works":\[{"one":1}\]/,
    run: onBoth(async (target) => {
      const bad = new Error('cannot parse')
      const types: pg.CustomTypesConfig = {
        getTypeParser: () => () => {
          throw bad
        },
      }
      const mine = await target
        .query({ text: "select 'x'::text as x", types })
        .catch((error: unknown) => error === bad)
      return { mine, works: (await target.query(ONE)).rows }
    }),
  },
  {
    title: 'binary results and portals of limited rows work',
    sees: /"g":1.*"g":5/,
    run: onClient(async (client) => [
      await outcome(async () =>
        Reflect.get(
          Object(await call(client, { text: 'select 7::int4 as n', values: [], binary: true })),
          'rows',
        ),
      ),
      await outcome(async () =>
        Reflect.get(
          Object(await call(client, { text: 'select g from generate_series(1, 5) g', rows: 2 })),
          'rows',
        ),
      ),
    ]),
  },
])
