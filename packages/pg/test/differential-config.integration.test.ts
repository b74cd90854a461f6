import net from 'node:net'
import pg from 'pg'
import { counts, differential, outcome, parts } from './differential.js'

const ONE = 'select 1 as one'
const NAME = "select current_setting('application_name') as name"

differential('options', [
  {
    title: 'the options of a pool have the same keys and values, with defaults filled in',
    sees: /"max":10,"min":0,"maxUses":null.*"idleTimeoutMillis":10000/,
    async run(make) {
      const pool = make.bare()
      return { ...pool.options, keys: Object.keys(pool.options) }
    },
    differs: {
      primary: {
        because: 'options.Client is our class, which extends the one given',
        shows: /"Client":"<function>"/,
      },
    },
  },
  {
    title: 'options given are kept as they are',
    sees: /"connectionString":true,"max":3,"own":"kept"/,
    async run(make) {
      const config = {
        max: 3,
        min: 1,
        maxUses: 7,
        idleTimeoutMillis: 0,
        allowExitOnIdle: true,
        maxLifetimeSeconds: 60,
        application_name: 'kept',
        own: 'kept',
      }
      const { options } = make(config)
      const { max, min, maxUses, idleTimeoutMillis, allowExitOnIdle, maxLifetimeSeconds } = options
      return {
        connectionString: options.connectionString === make.url,
        max,
        own: Reflect.get(options, 'own'),
        rest: [min, maxUses, idleTimeoutMillis, allowExitOnIdle, maxLifetimeSeconds],
        flyback: 'flyback' in options,
      }
    },
  },
  {
    title: 'the password is in the options and is not enumerable, nor is a key of ssl',
    sees: /"password":true,"enumerable":false,"shown":false,"key":false/,
    async run(make) {
      const { password } = parts(make)
      const ssl = { key: 'sEcReT-key' }
      const { options } = make.bare({ ...parts(make), ssl })
      return {
        password: options.password === password,
        enumerable: Object.keys(options).includes('password'),
        shown: JSON.stringify(options).includes(password),
        key: Object.keys(ssl).includes('key'),
      }
    },
  },
  {
    title: 'the config of the caller is not changed, and may be frozen',
    sees: /"keys":\["connectionString","max"\],"works":\[{"one":1}\]/,
    async run(make) {
      const config = Object.freeze({ connectionString: make.url, max: 1 })
      const pool = make.bare(config)
      return { keys: Object.keys(config), works: (await pool.query(ONE)).rows }
    },
  },
  {
    title: 'options reach the session',
    sees: /"from-options".*"41ms","42ms","43ms","pg_catalog"/,
    async run(make) {
      const pool = make({
        application_name: 'from-options',
        statement_timeout: 41,
        lock_timeout: 42,
        idle_in_transaction_session_timeout: 43,
        options: '-c search_path=pg_catalog',
      })
      const show = async (name: string): Promise<unknown> =>
        (await pool.query({ text: `show ${name}`, rowMode: 'array' })).rows[0]?.[0]
      return [
        await show('application_name'),
        await show('statement_timeout'),
        await show('lock_timeout'),
        await show('idle_in_transaction_session_timeout'),
        await show('search_path'),
      ]
    },
  },
  {
    title: 'an address in parts works, and a connection string wins over parts',
    sees: /"parts":\[{"one":1}\],"both":\[{"one":1}\]/,
    async run(make) {
      return {
        parts: (await make.bare(parts(make)).query(ONE)).rows,
        both: (await make({ host: '127.0.0.1', port: 1 }).query(ONE)).rows,
      }
    },
  },
  {
    title: 'a password may be a function, asked for each connection',
    sees: /"asked":2,"rows":\[{"one":1}\]/,
    async run(make) {
      const { password, ...address } = parts(make)
      let asked = 0
      const pool = make.bare({
        ...address,
        password: async () => {
          asked++
          return password
        },
      })
      const clients = [await pool.connect(), await pool.connect()]
      for (const client of clients) client.release()
      return { asked, rows: (await pool.query(ONE)).rows }
    },
  },
  {
    title: 'a password function that fails rejects with its error',
    sees: /"mine":true.*Password must be a string/,
    async run(make) {
      const bad = new Error('no password')
      const sockets: net.Socket[] = []
      const stream = (): net.Socket => {
        const socket = new net.Socket()
        sockets.push(socket)
        return socket
      }
      const { password: _password, ...parted } = parts(make)
      const address = { ...parted, stream }
      const failing = make.bare({ ...address, password: () => Promise.reject(bad) })
      // @ts-expect-error -- a number is no password
      const wrong = make.bare({ ...address, password: () => 7 })
      const answer = {
        mine: await failing.query(ONE).catch((error: unknown) => error === bad),
        wrong: await outcome(() => wrong.query(ONE)),
        after: [counts(failing), counts(wrong)],
      }
      // pg leaves such a connection open, and a server waits a minute for its password.
      for (const socket of sockets) socket.destroy()
      return answer
    },
  },
  {
    title: 'a wrong password, a missing database and ssl where there is none reject as pg does',
    sees: /"28P01".*"3D000".*The server does not support SSL connections/,
    async run(make) {
      const address = parts(make)
      return [
        await outcome(() => make.bare({ ...address, password: 'wrong' }).query(ONE)),
        await outcome(() => make.bare({ ...address, database: 'no_such' }).connect()),
        await outcome(() => make({ ssl: true }).query(ONE)),
      ]
    },
  },
  {
    title: 'a connection string that is no URL makes connect throw',
    sees: /"threw":{"class":"TypeError"/,
    async run(make) {
      return outcome(() => make.bare({ connectionString: 'postgres://a:b@h:port/x' }).connect())
    },
    differs: {
      primary: {
        because: 'the promise rejects, with the same error',
        shows: /"rejected":{"class":"TypeError"/,
      },
    },
  },
  {
    title: 'log tells what the pool does',
    sees: /"connecting new client".*"dispatching query"/,
    async run(make) {
      const lines: unknown[] = []
      const pool = make({ log: (line: unknown) => lines.push(line) })
      await pool.query(ONE)
      return lines
    },
    differs: {
      primary: {
        because: 'our query is a connect, a client.query and a release',
        shows: /"connecting new client","new client connected"/,
      },
    },
  },
  {
    title: 'allowExitOnIdle lets go of the process while a client is idle',
    sees: /\["unref","ref","unref"\]/,
    async run(make) {
      const calls: string[] = []
      class Spy extends pg.Client {
        ref(): void {
          calls.push('ref')
        }
        unref(): void {
          calls.push('unref')
        }
      }
      const pool = make({ allowExitOnIdle: true, Client: Spy })
      await pool.query(ONE)
      await pool.query(ONE)
      return calls
    },
  },
])

differential('a Client or Promise of the user', [
  {
    title: 'a Client class is used for all connections, with the options of the pool',
    sees: /"made":\["custom","custom"\],"instances":true,"extra":"extra"/,
    async run(make) {
      const made: unknown[] = []
      class Custom extends pg.Client {
        constructor(config?: pg.ClientConfig) {
          super(config)
          made.push(config?.application_name)
        }
        extra(): string {
          return 'extra'
        }
      }
      const pool = make({ Client: Custom, application_name: 'custom' })
      const clients = [await pool.connect(), await pool.connect()] as const
      const instances = clients.every((client) => client instanceof Custom)
      const [first] = clients
      const extra = first instanceof Custom ? first.extra() : undefined
      const { rows } = await clients[0].query(NAME)
      for (const client of clients) client.release()
      return { made, instances, extra, rows, works: (await pool.query(ONE)).rows }
    },
  },
  {
    title: 'a Client class sees the statements of the pool and of its clients',
    sees: /\["select 1 as one","select 1 as one"\]/,
    async run(make) {
      const seen: unknown[] = []
      class Seeing extends pg.Client {
        override query(...args: never[]): never {
          seen.push(args[0])
          return Reflect.apply(super.query, this, args) as never
        }
      }
      const pool = make({ Client: Seeing })
      await pool.query(ONE)
      const client = await pool.connect()
      await client.query(ONE)
      client.release()
      return seen
    },
  },
  {
    title: 'promises are of the Promise class given',
    sees: /"connect":true,"poolQuery":true,"clientQuery":true,"end":true/,
    async run(make) {
      class Custom<T> extends Promise<T> {}
      const pool = make({ Promise: Custom })
      const connecting = pool.connect()
      const client = await connecting
      const clientQuery = client.query(ONE)
      await clientQuery
      client.release()
      const poolQuery = pool.query(ONE)
      const rejected = pool.query('select 1/0')
      const error = await outcome(() => rejected)
      const rows = (await poolQuery).rows
      const ending = pool.end()
      await ending
      return {
        connect: connecting instanceof Custom,
        poolQuery: poolQuery instanceof Custom,
        clientQuery: clientQuery instanceof Custom,
        end: ending instanceof Custom,
        rejected: rejected instanceof Custom,
        error,
        rows,
      }
    },
  },
  {
    title: 'without one they are plain promises',
    sees: /\["Promise","Promise","Promise","Promise"\]/,
    async run(make) {
      const pool = make()
      const connecting = pool.connect()
      const client = await connecting
      const work = [connecting, client.query(ONE), pool.query(ONE)]
      await Promise.all(work)
      client.release()
      const ending = pool.end()
      await ending
      return [...work, ending].map((promise) => promise.constructor.name)
    },
  },
])
