import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { calledBack, counts, differential, emitted, Journal, kill, outcome } from './differential.js'

differential('limits, queues and timeouts', [
  {
    title: 'max is the limit: the next caller waits for a release',
    sees: /0\/0\/0\/0.*2\/0\/1\/0.*"sameClient":true/,
    async run(make) {
      const pool = make({ max: 2 })
      const seen = [counts(pool)]
      const first = await pool.connect()
      seen.push(counts(pool))
      const second = await pool.connect()
      const waiting = pool.connect()
      seen.push(counts(pool))
      first.release()
      seen.push(counts(pool))
      const third = await waiting
      seen.push(counts(pool))
      third.release()
      second.release()
      return { seen: [...seen, counts(pool)], sameClient: third === first }
    },
  },
  {
    title: 'ten is the default limit',
    sees: /10\/0\/2\/0/,
    async run(make) {
      const pool = make()
      const asked = Array.from({ length: 12 }, () => pool.connect())
      const seen = [counts(pool)]
      for (const turn of asked) (await turn).release()
      return [...seen, counts(pool)]
    },
  },
  {
    title: 'connect and query count at once, before anything is awaited',
    sees: /1\/0\/0\/0.*2\/0\/0\/0.*2\/0\/1\/0/,
    async run(make) {
      const pool = make({ max: 2 })
      const seen = [counts(pool)]
      const work = []
      for (let i = 0; i < 3; i++) {
        work.push(pool.query('select 1'))
        seen.push(counts(pool))
      }
      await Promise.all(work)
      return [...seen, counts(pool)]
    },
  },
  {
    title: 'callers are served in the order they asked, in every form',
    sees: /"a query"},{"who":"b connect"},{"who":"c query callback"},{"who":"d connect callback"/,
    async run(make) {
      const pool = make({ max: 1 })
      const held = await pool.connect()
      await held.query('create temp table served (id serial, who text)')
      const serve = 'insert into served (who) values ($1)'
      const work = [
        pool.query(serve, ['a query']),
        pool.connect().then((client) => client.query(serve, ['b connect']).then(() => client.release())),
        calledBack((done) => pool.query(serve, ['c query callback'], done)),
        calledBack((done) =>
          pool.connect((_error, client, release) => {
            client?.query(serve, ['d connect callback'], () => {
              release()
              done()
            })
          }),
        ),
        pool.query(serve, ['e query']),
      ]
      const before = counts(pool)
      held.release()
      await Promise.all(work)
      return { before, served: (await pool.query('select who from served order by id')).rows }
    },
  },
  {
    title: 'the client released last is used first',
    sees: /client 3.*client 1.*client 2/,
    async run(make) {
      const pool = make()
      const journal = new Journal()
      const clients = await Promise.all([pool.connect(), pool.connect(), pool.connect()])
      for (const client of clients) journal.name(client)
      const [a, b, c] = clients
      b.release()
      a.release()
      c.release()
      const again = [await pool.connect(), await pool.connect(), await pool.connect()]
      for (const client of again) client.release()
      return again.map((client) => journal.name(client))
    },
  },
  {
    title: 'connectionTimeoutMillis ends the wait for a client, by promise and callback',
    sees: /timeout exceeded when trying to connect.*1\/0\/0\/0/,
    async run(make) {
      const pool = make({ max: 1, connectionTimeoutMillis: 300 })
      const held = await pool.connect()
      const ended = await Promise.all([
        outcome(() => pool.connect()),
        outcome(() => pool.query('select 1')),
        calledBack((done) => pool.query('select 1', done)).then(({ args }) => args),
        // A third argument does nothing: there is no client to release.
        calledBack((done) => pool.connect(done)).then(({ args: [error, client] }) => [error, client]),
      ])
      const after = counts(pool)
      held.release()
      return { ended, after, released: counts(pool), works: (await pool.query('select 1')).rows }
    },
  },
  {
    title: 'connectionTimeoutMillis ends a connection that the server never answers',
    sees: /Connection terminated due to connection timeout.*"cause"/,
    async run(make) {
      const server = net.createServer().listen(0, '127.0.0.1')
      const sockets: net.Socket[] = []
      server.on('connection', (socket) => sockets.push(socket))
      await new Promise((resolve) => server.once('listening', resolve))
      const address = server.address()
      const port = typeof address === 'object' ? (address?.port ?? 0) : 0
      const pool = make.bare({ host: '127.0.0.1', port, connectionTimeoutMillis: 30 })
      const journal = new Journal().watch(pool)
      const ended = [
        await outcome(() => pool.connect()),
        await outcome(() => pool.query('select 1')),
      ]
      for (const socket of sockets) socket.destroy()
      server.close()
      return { ended, events: journal.lines, after: counts(pool) }
    },
  },
  {
    title: 'an unreachable host rejects with the error of the socket, and holds no slot',
    sees: /ECONNREFUSED.*"after":"0\/0\/0\/0"/,
    async run(make) {
      const pool = make.bare({ host: '127.0.0.1', port: 1, user: 'nobody', database: 'none', max: 1 })
      const journal = new Journal().watch(pool)
      const ended = [
        await outcome(() => pool.connect()),
        await outcome(() => pool.query('select 1')),
        (await calledBack((done) => pool.connect(done))).args,
        (await calledBack((done) => pool.query('select 1', done))).args,
      ]
      return { ended, events: journal.lines, after: counts(pool) }
    },
  },
  {
    title: 'maxUses retires a client after so many checkouts',
    sees: /client 1.*client 1.*client 2/,
    async run(make) {
      const pool = make({ maxUses: 2, max: 1 })
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove')
      for (let i = 0; i < 2; i++) (await pool.connect()).release()
      await removed
      const next = await pool.connect()
      next.release()
      return journal.lines
    },
  },
  {
    title: 'maxLifetimeSeconds ends an idle client when its time is over',
    sees: /remove\(client 1\) 0\/0\/0\/0/,
    async run(make) {
      const pool = make({ maxLifetimeSeconds: 0.05 })
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove')
      await pool.connect().then((client) => client.release())
      await removed
      return journal.lines
    },
  },
  {
    title: 'maxLifetimeSeconds ends a client in use when it is released',
    sees: /1\/0\/0\/1.*remove\(client 1\) 0\/0\/0\/0/,
    async run(make) {
      const pool = make({ maxLifetimeSeconds: 0.05 })
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove')
      const client = await pool.connect()
      while (pool.expiredCount === 0) await sleep(5)
      journal.note(counts(pool))
      client.release()
      await removed
      return journal.lines
    },
  },
  {
    title: 'idleTimeoutMillis ends idle clients, down to min',
    sees: /remove\(client \d\) 1\/1\/0\/0"\]/,
    async run(make) {
      const pool = make({ min: 1, idleTimeoutMillis: 20 })
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove')
      const [a, b] = [await pool.connect(), await pool.connect()]
      a.release()
      b.release()
      await removed
      await sleep(50)
      return journal.lines
    },
  },
])

differential('releases and events', [
  {
    title: 'a query emits connect, acquire and release, and a second one reuses the client',
    sees: /"connect\(client 1\) 1\/0\/0\/0","acquire\(client 1\)/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      await pool.query('select 1')
      await pool.query('select 1')
      await calledBack((done) => pool.query('select 1', done))
      return journal.lines
    },
  },
  {
    title: 'a failed query of the pool releases with its error, which ends the client',
    sees: /release\(DatabaseError: division by zero, client 1\)/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      const removed = emitted(pool, 'remove', 2)
      await outcome(() => pool.query('select 1/0'))
      journal.note(`rejected ${counts(pool)}`)
      await calledBack((done) => pool.query('select 1/0', done))
      await removed
      return journal.lines.filter((line) => !line.startsWith('remove')).concat(counts(pool))
    },
  },
  {
    title: 'connect and release emit the same, whatever is released with',
    sees: /release\(false, client 1\).*release\(true, client 1\).*release\(Error: mine, client 2\)/,
    async run(make) {
      const pool = make()
      const journal = new Journal().watch(pool)
      const none: unknown = null
      for (const given of [undefined, false, none, true, new Error('mine')]) {
        const client = await pool.connect()
        const removed = given ? emitted(pool, 'remove') : undefined
        Reflect.apply(client.release, client, [given])
        await removed
      }
      return journal.lines
    },
  },
  {
    title: 'connect by callback gives the client and its own release',
    sees: /"length":3,"error":"<undefined>","own":true/,
    async run(make) {
      const pool = make()
      const { returned, args } = await calledBack((done) => pool.connect(done))
      const [error, client, release] = args
      const own = client instanceof pg.Client && Reflect.get(client, 'release') === release
      const before = counts(pool)
      if (typeof release === 'function') Reflect.apply(release, undefined, [])
      return { returned, length: args.length, error, own, before, after: counts(pool) }
    },
  },
  {
    title: 'a second release throws, of each checkout',
    sees: /Release called on client which has already been released to the pool/,
    async run(make) {
      const pool = make()
      const client = await pool.connect()
      const { release } = client
      client.release()
      const once = await outcome(() => client.release())
      const again = await pool.connect()
      const stale = await outcome(() => release())
      again.release()
      return { once, stale, same: again === client, after: counts(pool) }
    },
  },
  {
    title: 'a transaction that is open at release stays open',
    sees: /\["I","T","T","I"\]/,
    async run(make) {
      const pool = make({ max: 1 })
      const seen: unknown[] = []
      const client = await pool.connect()
      seen.push(client.getTransactionStatus())
      await client.query('begin')
      seen.push(client.getTransactionStatus())
      client.release()
      const next = await pool.connect()
      seen.push(next.getTransactionStatus())
      await next.query('rollback')
      seen.push(next.getTransactionStatus())
      next.release()
      return seen
    },
  },
  {
    title: 'a client released with a statement in flight is shared with the next caller',
    sees: /"first","second"/,
    async run(make) {
      const pool = make({ max: 1 })
      const order: string[] = []
      const client = await pool.connect()
      const first = client.query('select pg_sleep(0.05)').then(() => order.push('first'))
      client.release()
      const second = pool.query('select 1').then(() => order.push('second'))
      await Promise.all([first, second])
      return [...order, counts(pool)]
    },
  },
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
          form === 'promise' ? await outcome(() => pool.end()) : await calledBack((done) => pool.end(done))
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
      return [
        await outcome(() => pool.end()),
        await calledBack((done) => pool.end(done)),
      ]
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

/** Resolves when the client's backend runs its pg_sleep. */
async function busy(make: { admin(sql: string, params: unknown[]): Promise<pg.QueryResultRow[]> }, client: pg.ClientBase): Promise<void> {
  const sql = "select 1 from pg_stat_activity where pid = $1 and query like '%pg_sleep%' and state = 'active'"
  while ((await make.admin(sql, [Reflect.get(client, 'processID')])).length === 0) await sleep(5)
}

async function worksAgain(pool: pg.Pool): Promise<unknown> {
  return [(await pool.query('select 1 as one')).rows, counts(pool)]
}
