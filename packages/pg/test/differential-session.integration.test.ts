import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import {
  busy,
  call,
  calledBack,
  counts,
  differential,
  type MakePool,
  onBoth,
  onClient,
  outcome,
} from './differential.js'

const ONE = 'select 1 as one'
const SUM = 'select $1::int + $2::int as sum'

differential('errors', [
  {
    title: 'a DatabaseError has all its fields, and is the same class',
    sees: /"class":"DatabaseError","message":"duplicate key.*"constraint".*"instance":true/,
    run: onBoth(async (target) => {
      const error = await target
        .query("insert into item (name) values ('n1')")
        .catch((reason: unknown) => reason)
      const instance = error instanceof pg.DatabaseError
      const { table, constraint, detail } = instance ? error : {}
      return { error, instance, table, constraint, detail }
    }),
  },
  {
    title: 'the stack of an error leads back to the caller',
    sees: /"pool":true,"client":true/,
    run: onBothStacks,
  },
  {
    title: 'statement_timeout cancels, and query_timeout gives up',
    sees: /"code":"57014".*Query read timeout.*Query read timeout/,
    async run(make) {
      const slow = 'select pg_sleep(30)'
      const pool = make({ statement_timeout: 30 })
      const impatient = make({ query_timeout: 30 })
      const client = await impatient.connect()
      client.on('error', () => {})
      const answers = [
        await outcome(() => pool.query(slow)),
        await outcome(() => impatient.query(slow)),
        (await calledBack((done) => client.query(slow, done))).args,
      ]
      client.release(true)
      return [...answers, counts(pool), counts(impatient)]
    },
  },
  {
    title:
      'a failed transaction answers 25P02 until it is rolled back, and COMMIT answers ROLLBACK',
    sees: /"T".*"22012".*"E".*"25P02".*"ROLLBACK","I"/,
    run: onClient(async (client) => {
      await client.query('begin')
      const seen: unknown[] = [client.getTransactionStatus()]
      seen.push(await outcome(() => client.query('select 1/0')))
      // The status comes after the error, and may come in a packet of its own.
      while (client.getTransactionStatus() === 'T') await sleep(1)
      seen.push(client.getTransactionStatus())
      seen.push(await outcome(() => client.query(ONE)))
      seen.push((await client.query('commit')).command, client.getTransactionStatus())
      return seen
    }),
  },
  {
    title: 'a write in a READ ONLY transaction is an error of the server',
    sees: /"class":"DatabaseError".*"code":"25006"/,
    run: onClient(async (client) => {
      await client.query('begin read only')
      const error = await outcome(() => client.query("insert into item (name) values ('ro')"))
      await client.query('rollback')
      return error
    }),
  },
  {
    title: 'COPY FROM STDIN without a stream fails',
    sees: /No source stream defined/,
    run: onBoth(async (target) => outcome(() => target.query('copy item (name) from stdin'))),
  },
])

differential('many at once', [
  {
    title: 'statements on one client run in the order they were given',
    sees: /\["a","b failed","c","d"\]/,
    run: onClient(async (client) => {
      const order: string[] = []
      await Promise.all([
        client.query('select pg_sleep(0.02)').then(() => order.push('a')),
        client.query('select 1/0').catch(() => order.push('b failed')),
        calledBack((done) =>
          client.query(ONE, () => {
            order.push('c')
            done()
          }),
        ),
        client.query(ONE).then(() => order.push('d')),
      ])
      return order
    }),
  },
  {
    title: 'parallel queries of the pool use as many clients as allowed, and each gets its answer',
    sees: /"3\/0\/17\/0".*"after":"3\/3\/0\/0"/,
    async run(make) {
      const pool = make({ max: 3 })
      const work = Array.from({ length: 20 }, (_, i) => pool.query('select $1::int as i', [i]))
      const during = counts(pool)
      const rows = (await Promise.all(work)).map((result) => result.rows)
      return { during, rows, after: counts(pool) }
    },
  },
  {
    title: 'with pipeline: true statements are sent at once, and each gets its own answer',
    sees: /"pipeline":true.*"one":1.*22012.*"one":1/,
    run: onClient(
      async (client) => ({
        pipeline: client.pipeline,
        answers: await Promise.all([
          outcome(async () => (await client.query(ONE)).rows),
          outcome(() => client.query('select 1/0')),
          outcome(async () => (await client.query(SUM, [1, 2])).rows),
          outcome(async () => (await client.query({ name: 'p', text: ONE })).rows),
          outcome(async () => (await client.query({ name: 'p', text: ONE })).rows),
        ]),
        cursor: await new Promise((resolve) => {
          client.query(new Cursor(ONE)).read(1, resolve)
        }),
      }),
      { pipeline: true },
    ),
  },
])

differential('what a session says', [
  {
    title: 'LISTEN delivers notifications to the client',
    sees: /"channel":"news","payload":"hello"/,
    run: onClient(async (client, _pool, make) => {
      const heard = new Promise<pg.Notification>((resolve) => client.on('notification', resolve))
      await client.query('listen news')
      await make.admin("select pg_notify('news', 'hello')")
      const { channel, payload } = await heard
      await client.query('unlisten news')
      return { channel, payload }
    }),
  },
  {
    title: 'notices are events of the client',
    sees: /"careful","NOTICE"/,
    run: onClient(async (client) => {
      const heard: unknown[] = []
      client.on('notice', (notice) => heard.push(notice.message, notice.severity))
      await client.query("do $$ begin raise notice 'careful'; end $$")
      return heard
    }),
  },
  {
    title: 'drain follows the last statement',
    sees: /\["answer 1","answer 2","drain"\]/,
    run: onClient(async (client) => {
      const order: string[] = []
      const drained = new Promise((resolve) => client.once('drain', resolve))
      client.once('drain', () => order.push('drain'))
      for (const n of [1, 2]) client.query(ONE, () => order.push(`answer ${n}`))
      await drained
      return order
    }),
  },
  {
    title: 'a client escapes',
    sees: /E'a\\\\'''/,
    run: onClient(async (client) => [
      client.escapeIdentifier('a"b').length,
      client.escapeLiteral("a'b").length,
      client.escapeLiteral("'\\"),
      // What pg shows of the literal is in the answer of the server.
      (await client.query(`select ${client.escapeLiteral("a'\\")} as text`)).rows,
      "E'a\\'''",
    ]),
  },
])

differential('Submittables', [
  {
    title: 'a Query is returned as it is and emits row, end and error',
    sees: /"same":true,"lines":\["row {\\"g\\":1}","row {\\"g\\":2}","end SELECT 0"\]/,
    run: onClient(async (client) => {
      const lines: string[] = []
      const query = new pg.Query('select g from generate_series(1, 2) g')
      query.on('row', (row) => lines.push(`row ${JSON.stringify(row)}`))
      const ended = new Promise<void>((resolve) => {
        query.on('end', ({ command, rows }) => {
          lines.push(`end ${command} ${rows.length}`)
          resolve()
        })
      })
      const same = client.query(query) === query
      await ended
      const failing = new pg.Query('select 1/0')
      const failed = new Promise((resolve) => failing.on('error', resolve))
      client.query(failing)
      return { same, lines, error: await failed }
    }),
  },
  {
    title: 'a Query with a callback calls it, its own before the one given',
    sees: /"own":\[null,\[{"one":1}\]\],"given":\[null,\[{"one":1}\]\]/,
    run: onClient(async (client) => {
      const shown = (args: readonly unknown[]) => [args[0], Reflect.get(Object(args[1]), 'rows')]
      const own = await calledBack((done) => client.query(new pg.Query(ONE, done)))
      const given = await calledBack((done) => call(client, new pg.Query(ONE), done))
      const error = await calledBack((done) => client.query(new pg.Query('select 1/0', done)))
      return { own: shown(own.args), given: shown(given.args), error: error.args }
    }),
  },
  {
    title: 'a Query given to the pool resolves to its result and gives its client back',
    sees: /"rows":\[{"one":1}\].*"after":"1\/1\/0\/0"/,
    async run(make) {
      const pool = make({ max: 1 })
      const result: unknown = await call(pool, new pg.Query(ONE))
      const rows: unknown = Reflect.get(Object(result), 'rows')
      const error = await outcome(() => call(pool, new pg.Query('select 1/0')))
      await pool.query(ONE)
      return { rows, error, after: counts(pool) }
    },
  },
  {
    title: 'a cursor reads in steps, by promise and callback, and closes',
    sees: /\[{"g":1},{"g":2}\].*\[{"g":5}\].*\[\]/,
    run: onClient(async (client) => {
      const cursor = client.query(new Cursor('select g from generate_series(1, $1::int) g', [5]))
      const steps: unknown[] = [
        await cursor.read(2),
        (await calledBack((done) => cursor.read(2, done))).args.slice(0, 2),
        await cursor.read(2),
        await cursor.read(2),
      ]
      await cursor.close()
      const early = client.query(new Cursor('select g from generate_series(1, 5) g'))
      steps.push(await early.read(1))
      await early.close()
      const bad = client.query(new Cursor('select 1/0'))
      steps.push(await outcome(() => bad.read(1)), (await client.query(ONE)).rows)
      return steps
    }),
  },
  {
    title: 'a query stream streams, stops early and fails',
    sees: /"all":\[1,2,3,4,5\],"early":1,"failed":{"rejected":{"class":"DatabaseError"/,
    run: onClient(async (client) => {
      const all: number[] = []
      const series = 'select g from generate_series(1, 5) g'
      for await (const { g } of client.query(new QueryStream(series, [], { batchSize: 2 }))) {
        all.push(g)
      }
      let early = 0
      for await (const _row of client.query(new QueryStream(series, [], { batchSize: 1 }))) {
        early++
        break
      }
      const failed = await outcome(async () => {
        for await (const _row of client.query(
          new QueryStream('select 1/(3 - g) from generate_series(1, 5) g'),
        ));
      })
      return { all, early, failed, works: (await client.query(ONE)).rows }
    }),
  },
  {
    title: 'COPY streams in and out, and fails',
    sees: /"out":"c1\\tc2\\n","failed":{"rejected":{"class":"DatabaseError"/,
    run: onClient(async (client) => {
      await client.query('create temp table if not exists copied (a text, b text)')
      await client.query('truncate copied')
      const into = client.query(copyFrom('copy copied from stdin'))
      await pipeline(Readable.from(['c1\tc2\n']), into)
      let out = ''
      for await (const chunk of client.query(copyTo('copy copied to stdout'))) out += String(chunk)
      const failed = await outcome(() =>
        pipeline(
          Readable.from(['too\tmany\tcolumns\n']),
          client.query(copyFrom('copy copied from stdin')),
        ),
      )
      return { rows: into.rowCount, out, failed, works: (await client.query(ONE)).rows }
    }),
  },
  {
    title: 'client.cancel ends a running statement and drops a queued one',
    sees: /"code":"57014".*"queued":"dropped"/,
    run: onClient(async (client, _pool, make) => {
      const other = await make({ max: 1 }).connect()
      const running = new pg.Query('select pg_sleep(30)')
      const failed = new Promise((resolve) => running.on('error', resolve))
      client.query(running)
      let queued = 'dropped'
      const next = new pg.Query(ONE, () => {
        queued = 'ran'
      })
      client.query(next)
      await busy(make, client)
      const canceller = new (other.constructor as typeof pg.Client)({ connectionString: make.url })
      const cancel: unknown = Reflect.get(canceller, 'cancel')
      if (typeof cancel !== 'function') throw new Error('pg has no cancel')
      Reflect.apply(cancel, canceller, [client, next])
      Reflect.apply(cancel, canceller, [client, running])
      const error = await failed
      other.release()
      return { error, queued, works: (await client.query(ONE)).rows }
    }),
  },
])

async function onBothStacks(make: MakePool): Promise<unknown> {
  const pool = make()
  const client = await pool.connect()
  async function callerOfThePool(): Promise<unknown> {
    return await pool.query('select 1/0')
  }
  async function callerOfTheClient(): Promise<unknown> {
    return await client.query('select 1/0')
  }
  const stack = (error: unknown): string => (error instanceof Error ? (error.stack ?? '') : '')
  const ofPool = stack(await callerOfThePool().catch((error: unknown) => error))
  const ofClient = stack(await callerOfTheClient().catch((error: unknown) => error))
  client.release()
  return {
    pool: ofPool.includes('callerOfThePool'),
    client: ofClient.includes('callerOfTheClient'),
  }
}
