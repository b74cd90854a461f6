import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { calledBack, counts, differential, emitted, Journal, outcome } from './differential.js'

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
        pool
          .connect()
          .then((client) => client.query(serve, ['b connect']).then(() => client.release())),
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
        calledBack((done) => pool.connect(done)).then(({ args: [error, client] }) => [
          error,
          client,
        ]),
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
      const pool = make.bare({
        host: '127.0.0.1',
        port: 1,
        user: 'nobody',
        database: 'none',
        max: 1,
      })
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
])
