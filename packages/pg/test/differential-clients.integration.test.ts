import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import {
  busy,
  calledBack,
  counts,
  differential,
  emitted,
  Journal,
  kill,
  outcome,
} from './differential.js'

differential('new clients', [
  {
    title: 'a statement sent from the connect event runs before the first of the caller',
    sees: /from-event/,
    async run(make) {
      const pool = make({ max: 1 })
      pool.on('connect', (client) => {
        void client.query("set application_name = 'from-event'")
      })
      return (await pool.query("select current_setting('application_name') as name")).rows
    },
  },
  {
    title: 'verify sees each new client once, before its caller',
    sees: /"connect\(client 1\).*acquire\(client 1\).*"verify client 1","got client 1"/,
    async run(make) {
      const journal = new Journal()
      const pool = make({
        verify: (client, done) => {
          journal.note(`verify ${journal.name(client)}`)
          done()
        },
      })
      journal.watch(pool)
      for (let i = 0; i < 2; i++) {
        const client = await pool.connect()
        journal.note(`got ${journal.name(client)}`)
        client.release()
      }
      return journal.lines
    },
  },
  {
    title: 'a verify that fails rejects with its own error and ends the client',
    sees: /"mine":\[true,true\].*release\(Error: unfit, client 1\)/,
    async run(make) {
      const unfit = new Error('unfit')
      const pool = make({ verify: (_client, done) => done(unfit) })
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove', 2)
      const mine = [
        await pool.connect().catch((error: unknown) => error === unfit),
        await pool.query('select 1').catch((error: unknown) => error === unfit),
      ]
      await removed
      const lines = journal.lines.filter((line) => !line.startsWith('remove'))
      return { mine, lines, after: counts(pool) }
    },
  },
  {
    title: 'onConnect is awaited before the first use of each client, and not after',
    sees: /"hook client 1","hooked","connect\(client 1\)/,
    async run(make) {
      const journal = new Journal()
      const pool = make({
        onConnect: async (client) => {
          journal.note(`hook ${journal.name(client)}`)
          await client.query("set application_name = 'hooked'")
          journal.note('hooked')
        },
      })
      journal.watch(pool)
      const shown = [
        (await pool.query('show application_name')).rows,
        (await pool.query('show application_name')).rows,
      ]
      return { shown, lines: journal.lines }
    },
  },
  {
    title: 'an onConnect that throws or rejects gives its own error to the caller',
    sees: /"mine":\[true,true\],"lines":\[\],"after":"0\/0\/0\/0"/,
    async run(make) {
      const bad = new Error('bad')
      const fails = [
        () => {
          throw bad
        },
        () => Promise.reject(bad),
      ]
      const pool = make({ onConnect: () => fails.pop()?.() })
      const journal = new Journal().watch(pool)
      const mine = [
        await pool.connect().catch((error: unknown) => error === bad),
        await pool.query('select 1').catch((error: unknown) => error === bad),
      ]
      return { mine, lines: journal.lines, after: counts(pool) }
    },
  },
])

differential('clients that die', [
  {
    title: 'an idle client whose backend ends is removed, and the pool emits its error',
    sees: /"code":"57P01".*"client":true.*error\(DatabaseError: terminating connection/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      const client = await pool.connect()
      client.release()
      const heard: unknown[] = []
      pool.on('error', (error, of) => {
        heard.push({ error, client: of === client && Reflect.get(error, 'client') === client })
      })
      const removed = emitted(pool, 'remove')
      await kill(make, client)
      await removed
      await pool.query('select 1')
      return { heard, lines: journal.lines }
    },
  },
  {
    title: 'a query of the pool whose backend ends rejects with its error, and only that',
    sees: /"code":"57P01"/,
    async run(make) {
      const pool = make({ max: 1 })
      const journal = new Journal().watch(pool)
      const client = await pool.connect()
      client.release()
      const running = outcome(() => pool.query('select pg_sleep(30)'))
      const removed = emitted(pool, 'remove')
      await busy(make, client)
      await kill(make, client)
      await removed
      return { ended: await running, lines: journal.lines, works: await worksAgain(pool) }
    },
  },
  {
    title: 'a query of the pool whose socket breaks rejects, and only that',
    sees: /Connection terminated unexpectedly/,
    async run(make) {
      const pool = make({ max: 1 })
      const journal = new Journal().watch(pool)
      const client = await pool.connect()
      client.release()
      const running = outcome(() => pool.query('select pg_sleep(30)'))
      const removed = emitted(pool, 'remove')
      await busy(make, client)
      client.connection.stream.destroy()
      await removed
      return { ended: await running, lines: journal.lines, works: await worksAgain(pool) }
    },
  },
  {
    title: 'a checked-out idle client emits the error itself, and refuses statements from then on',
    sees: /"57P01".*not queryable/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      const client = await pool.connect()
      const heard: unknown[] = []
      client.on('error', (error) => heard.push(error))
      const ended = new Promise((resolve) => client.once('end', resolve))
      await kill(make, client)
      await ended
      const after = await outcome(() => client.query('select 1'))
      const byCallback = (await calledBack((done) => client.query('select 1', done))).args
      const removed = emitted(pool, 'remove')
      client.release()
      await removed
      return { heard, after, byCallback, lines: journal.lines, works: await worksAgain(pool) }
    },
  },
  {
    title: 'a busy client whose socket breaks fails all its queued statements',
    sees: /(Connection terminated unexpectedly.*){3}/,
    async run(make) {
      const pool = make()
      const client = await pool.connect()
      const heard: unknown[] = []
      client.on('error', (error) => heard.push(error))
      const running = Promise.all([
        outcome(() => client.query('select pg_sleep(30)')),
        outcome(() => client.query('select 2')),
        calledBack((done) => client.query('select 3', done)).then(({ args }) => args),
      ])
      await busy(make, client)
      client.connection.stream.destroy()
      const ended = await running
      client.release()
      return { ended, heard, works: await worksAgain(pool) }
    },
  },
  {
    title: 'a client its user ended refuses statements and does not come back',
    sees: /Client was closed and is not queryable/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      const client = await pool.connect()
      await client.end()
      const after = await outcome(() => client.query('select 1'))
      const removed = emitted(pool, 'remove')
      client.release()
      await removed
      return { after, lines: journal.lines, works: await worksAgain(pool) }
    },
  },
  {
    title: 'a client connects only once',
    sees: /Client has already been connected/,
    async run(make) {
      const pool = make()
      const client = await pool.connect()
      const again = [
        await outcome(() => client.connect()),
        (await calledBack((done) => client.connect(done))).args,
      ]
      client.release()
      return again
    },
  },
])

differential('the end', [
  {
    title: 'end removes the idle clients and says so, by promise and callback',
    sees: /"ending":false,"ended":false.*"ending":true,"ended":true/,
    async run(make) {
      const answers = []
      for (const form of ['promise', 'callback']) {
        const pool = make()
        const journal = new Journal().watch(pool)
        const flags = () => ({ ending: pool.ending, ended: pool.ended })
        const [a, b] = [await pool.connect(), await pool.connect()]
        a.release()
        b.release()
        const before = flags()
        const removed = emitted(pool, 'remove', 2)
        const answer =
          form === 'promise'
            ? await outcome(() => pool.end())
            : await calledBack((done) => pool.end(done))
        await removed
        answers.push({ before, answer, after: flags(), lines: journal.lines.toSorted() })
      }
      return answers
    },
  },
  {
    title: 'a second end rejects',
    sees: /Called end on pool more than once.*Called end on pool more than once/,
    async run(make) {
      const pool = make()
      await pool.end()
      return [await outcome(() => pool.end()), await calledBack((done) => pool.end(done))]
    },
  },
  {
    title: 'end waits for a client in use',
    sees: /\["ending 1\/0\/0\/0","release\(undefined, client 1\) 1\/0\/0\/0","ended 0\/0\/0\/0"/,
    async run(make) {
      const pool = make()
      const client = await pool.connect()
      const journal = new Journal()
      journal.name(client)
      journal.watch(pool)
      const ended = pool.end().then(() => journal.note(`ended ${counts(pool)}`))
      await client.query('select 1')
      journal.note(`ending ${counts(pool)}`)
      client.release()
      await ended
      return journal.lines.filter((line) => !line.startsWith('remove'))
    },
  },
  {
    title: 'work after the end is refused in every form',
    sees: /(Cannot use a pool after calling end on the pool.*){4}/,
    async run(make) {
      const pool = make()
      await pool.end()
      return [
        await outcome(() => pool.query('select 1')),
        await outcome(() => pool.connect()),
        await calledBack((done) => pool.query('select 1', done)),
        await calledBack((done) => pool.connect(done)),
      ]
    },
  },
  {
    title: 'a caller who waits when the pool ends is never answered',
    sees: /"answered":0,"after":"0\/0\/2\/0"/,
    async run(make) {
      const pool = make({ max: 1 })
      const client = await pool.connect()
      let answered = 0
      const count = () => answered++
      pool.connect().then(count, count)
      pool.query('select 1').then(count, count)
      const ended = pool.end()
      client.release()
      await ended
      await sleep(20)
      return { answered, after: counts(pool) }
    },
  },
])

async function worksAgain(pool: pg.Pool): Promise<unknown> {
  return [(await pool.query('select 1 as one')).rows, counts(pool)]
}
