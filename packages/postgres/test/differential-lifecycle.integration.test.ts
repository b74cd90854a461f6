import { createServer } from 'node:net'
import { freePort } from '@flyback/testkit'
import type driver from 'postgres'
import { differential, outcome, type Subject, until } from './differential.js'

const named = (
  url: string,
  changes: Partial<Record<'port' | 'password' | 'pathname', string>>,
): string => Object.assign(new URL(url), changes).href

let applications = 0
/** A name for the sessions of one behaviour. */
const application = (): string => `differential-${++applications}`
const sessions = (name: string): string =>
  `select count(*) from pg_stat_activity where application_name = '${name}'`

/** Every function of the options is made a word: two copies are never equal. */
function options({ options: given }: driver.Sql): unknown {
  const { host, port, pass, database, shared, parsers, serializers, ...rest } = Object(given)
  void [host, port, pass, database, shared]
  return { ...rest, parsers: Object.keys(parsers), serializers: Object.keys(serializers) }
}

async function ended(work: (sql: driver.Sql) => unknown, { open }: Subject): Promise<unknown> {
  const sql = open()
  await sql`select 1`
  await sql.end()
  return await outcome(() => work(sql))
}

/** Addresses differ from run to run, and the lab's from member to member. */
function unnamed(answer: unknown): unknown {
  const rejected: unknown = Reflect.get(Object(answer), 'rejected')
  const { code, errno, message } = Object(rejected)
  const keys = Object.keys(Object(rejected)).toSorted()
  return { code, errno, message: String(message).replaceAll(/\d+(?:\.\d+)*/g, '#'), keys }
}

differential('options, notifications, beginning and end', [
  {
    title: 'what the sql function has',
    sees: /largeObject/,
    run: async ({ open }) => {
      const sql = open()
      return [
        Object.keys(sql).toSorted(),
        sql.CLOSE === sql.END,
        Object.keys(sql.types),
        typeof sql.PostgresError,
      ]
    },
  },
  {
    title: 'statics of postgres()',
    sees: /toCamel/,
    run: async ({ postgres }) => [
      Object.keys(postgres).toSorted(),
      postgres.toCamel('a_b'),
      postgres.BigInt.parse('5'),
    ],
  },
  {
    title: 'options as the driver has parsed them',
    sees: /"max":7/,
    run: async ({ open }) =>
      options(
        open({
          max: 7,
          idle_timeout: 3,
          connection: { application_name: 'x', statement_timeout: 5 },
        }),
      ),
  },
  {
    title: 'options in the URL',
    sees: /"max":"?4/,
    run: async ({ postgres, url }) => {
      const sql = postgres(`${url}?max=4&application_name=from-url&sslmode=disable`)
      return [options(sql), await sql`select current_setting('application_name') as name`]
    },
  },
  {
    title: 'an address in parts, under all names of the driver',
    sees: /one/,
    run: async ({ postgres, url }) => {
      const { hostname, port, username, password, pathname } = new URL(url)
      const database = pathname.slice(1)
      const first = postgres({
        host: hostname,
        port: Number(port),
        user: username,
        password,
        database,
      })
      const second = postgres({
        hostname,
        port: Number(port),
        username,
        pass: password,
        db: database,
      } as never)
      const third = postgres({
        host: hostname,
        port: Number(port),
        user: username,
        database,
        password: async () => password,
      })
      return [
        await first`select 1 as one`,
        await second`select 2 as one`,
        await third`select 3 as one`,
      ]
    },
  },
  {
    title: 'parsed options given to postgres() again',
    sees: /one/,
    run: async ({ open, postgres }) => {
      const sql = postgres({ ...open().options, max: 1 } as never)
      return await sql`select 1 as one`
    },
  },
  {
    title: 'sql.parameters, and onparameter once for each',
    sees: /server_version/,
    run: async ({ open }) => {
      const heard: string[] = []
      const sql = open({ max: 3, onparameter: (name) => heard.push(name) })
      await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int, pg_sleep(0.05)`))
      const first = heard.toSorted()
      await sql.unsafe("set application_name = 'changed'")
      return {
        first,
        changed: heard.slice(first.length),
        parameters: Object.keys(sql.parameters).toSorted(),
      }
    },
  },
  {
    title: 'onnotice',
    sees: /hello/,
    run: async ({ open }) => {
      const heard: unknown[] = []
      const sql = open({
        max: 1,
        onnotice: ({ message, severity }) => heard.push([message, severity]),
      })
      await sql.unsafe("do $$ begin raise notice 'hello'; end $$")
      await sql.begin((tx) => tx`select 1`)
      return heard
    },
  },
  {
    title: 'onclose, once for each connection',
    sees: /\["number","number"\]/,
    run: async ({ open }) => {
      const heard: string[] = []
      const sql = open({ max: 2, onclose: (id) => heard.push(typeof id) })
      await Promise.all([sql`select pg_sleep(0.1)`, sql`select pg_sleep(0.1)`])
      await sql.end()
      return heard
    },
  },
  {
    title: 'debug sees each statement, and the type query',
    sees: /pg_type.*select \$1/,
    run: async ({ open }) => {
      const heard: unknown[] = []
      const sql = open({
        max: 1,
        debug: (id, text, parameters, types) => heard.push([typeof id, text, parameters, types]),
      })
      await sql`select ${1}::int as one`
      await sql.begin((tx) => tx`select 2`)
      return heard
    },
  },
  {
    title: 'without fetch_types, nothing is asked and arrays of the server stay text',
    sees: /\{1,2\}/,
    run: async ({ open }) => {
      const heard: unknown[] = []
      const sql = open({ max: 1, fetch_types: false, debug: (_, text) => heard.push(text) })
      return [await sql`select array[1, 2] as a`, heard]
    },
  },
  {
    title: 'settings of the connection reach the server',
    sees: /Pacific/,
    run: async ({ open }) => {
      const sql = open({ connection: { TimeZone: 'Pacific/Auckland', application_name: 'mine' } })
      return await sql`select current_setting('TimeZone') as tz, current_setting('application_name') as name`
    },
  },
  {
    title: 'listen, notify and unlisten',
    sees: /"again".*"second:one"/,
    run: async ({ open }) => {
      const sql = open()
      const heard: string[] = []
      const arrived = (count: number): Promise<void> =>
        new Promise((resolve) => {
          const look = (): void => {
            if (heard.length >= count) resolve()
            else setTimeout(look, 5)
          }
          look()
        })
      const channel = `A "b" ${Math.random()}`
      const first = await sql.listen(
        channel,
        (payload) => heard.push(payload),
        () => heard.push('again'),
      )
      const second = await sql.listen(channel, (payload) => heard.push(`second:${payload}`))
      await sql.notify(channel, 'one')
      await arrived(3)
      await first.unlisten()
      await sql.begin((tx) => tx.notify(channel, 'two'))
      await arrived(4)
      await second.unlisten()
      const result = await sql.notify(channel, 'three')
      return { heard, keys: [Object.keys(first).toSorted(), Object.keys(first.state)], result }
    },
  },
  {
    title: 'large objects',
    sees: /68656c6c6f/,
    run: async ({ open }) => {
      const sql = open()
      const object = await sql.largeObject()
      await object.write(Buffer.from('hello'))
      const size = await object.size()
      await object.seek(0)
      const read = await object.read(5)
      await object.close()
      return [Object.keys(object).toSorted(), size, read]
    },
  },
  {
    title: 'a query after end',
    sees: /CONNECTION_ENDED/,
    run: async (subject) => unnamed(await ended((sql) => sql`select 1`, subject)),
  },
  {
    title: 'begin after end',
    sees: /CONNECTION_ENDED/,
    run: async (subject) => unnamed(await ended((sql) => sql.begin((tx) => tx`select 1`), subject)),
  },
  {
    title: 'end after end',
    sees: /undefined/,
    run: (subject) => ended((sql) => sql.end(), subject),
  },
  {
    title: 'end waits for what runs, and what was executed in the same turn',
    sees: /done.*same/,
    run: async ({ open }) => {
      const sql = open({ max: 2 })
      const running = sql`select 'done' as a, pg_sleep(0.2)::text as b`.execute()
      await sql`select 1`
      const last = sql`select 'same' as a`.execute()
      await sql.end()
      return [await running, await last]
    },
  },
  {
    title: 'end waits for a transaction',
    sees: /two/,
    run: async (subject) => {
      const sql = subject.open({ max: 2 })
      let go: () => void = () => {}
      const gate = new Promise<void>((resolve) => {
        go = resolve
      })
      const transaction = sql.begin(async (tx) => {
        await tx`select 1`
        await gate
        return await tx`select 'two' as a`
      })
      await sql`select 1`
      const ending = sql.end()
      setTimeout(go, 50)
      await ending
      return await transaction
    },
  },
  {
    title: 'end with a timeout destroys what runs',
    sees: /CONNECTION_DESTROYED/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      await sql`select 1`
      const running = outcome(() => sql`select pg_sleep(20)`)
      await new Promise(setImmediate)
      await sql.end({ timeout: 0 })
      return unnamed(await running)
    },
  },
  {
    title: 'close ends the connections, and queries open new ones',
    sees: /true/,
    run: async ({ open }) => {
      const sql = open({ max: 1 })
      const [before] = await sql`select pg_backend_pid() as pid`
      // The driver has it, and its types do not.
      await Reflect.get(sql, 'close')()
      const [after] = await sql`select pg_backend_pid() as pid`
      return before?.['pid'] !== after?.['pid']
    },
  },
  {
    title: 'no session is left after end',
    sees: /0/,
    run: async (subject) => {
      const name = application()
      const sql = subject.open({ max: 3, connection: { application_name: name } })
      await Promise.all([1, 2, 3].map((n) => sql`select ${n}::int, pg_sleep(0.05)`))
      await sql.listen('x', () => {})
      await sql.end()
      await until(subject, `(${sessions(name)}) = 0`)
      return await subject.admin(`select (${sessions(name)})::int as n`)
    },
  },
  {
    title: 'idle_timeout ends a connection, but never one in a transaction',
    sees: /"kept":true/,
    run: async (subject) => {
      const name = application()
      const sql = subject.open({
        max: 1,
        idle_timeout: 0.1,
        connection: { application_name: name },
      })
      const kept = await sql.begin(async (tx) => {
        const [before] = await tx`select pg_backend_pid() as pid`
        await new Promise((resolve) => setTimeout(resolve, 300))
        const [after] = await tx`select pg_backend_pid() as pid`
        return before?.['pid'] === after?.['pid']
      })
      await until(subject, `(${sessions(name)}) = 0`)
      return { kept, again: await sql`select 1 as one` }
    },
  },
  {
    title: 'max_lifetime ends a connection, but never one in a transaction',
    sees: /"kept":true/,
    run: async (subject) => {
      const name = application()
      const sql = subject.open({
        max: 1,
        max_lifetime: 0.1,
        connection: { application_name: name },
      })
      const kept = await sql.begin(async (tx) => {
        const [before] = await tx`select pg_backend_pid() as pid`
        await new Promise((resolve) => setTimeout(resolve, 300))
        const [after] = await tx`select pg_backend_pid() as pid`
        return before?.['pid'] === after?.['pid']
      })
      await until(subject, `(${sessions(name)}) = 0`)
      return { kept, again: await sql`select 1 as one` }
    },
  },
  {
    title: 'a server that refuses connections',
    sees: /ECONNREFUSED/,
    run: async ({ postgres, url }) => {
      const sql = postgres(named(url, { port: String(await freePort()) }))
      return [
        unnamed(await outcome(() => sql`select 1`)),
        unnamed(await outcome(() => sql.begin((tx) => tx`select 1`))),
        unnamed(await outcome(() => sql.listen('x', () => {}))),
      ]
    },
  },
  {
    title: 'a wrong password, a missing database',
    sees: /28P01.*3D000/,
    run: async ({ postgres, url }) => [
      unnamed(await outcome(() => postgres(named(url, { password: 'wrong' }))`select 1`)),
      unnamed(await outcome(() => postgres(named(url, { pathname: '/missing' }))`select 1`)),
    ],
  },
  {
    title: 'connect_timeout, of a server that accepts and says nothing',
    sees: /CONNECT_TIMEOUT/,
    run: async ({ postgres, url }) => {
      const server = createServer(() => {})
      const port = await new Promise<number>((resolve) => {
        server.listen(0, '127.0.0.1', () =>
          resolve(Number(Reflect.get(Object(server.address()), 'port'))),
        )
      })
      const target = new URL(named(url, { port: String(port) }))
      target.hostname = '127.0.0.1'
      const answer = unnamed(
        await outcome(() => postgres(target.href, { connect_timeout: 0.2 })`select 1`),
      )
      server.close()
      return answer
    },
  },
  {
    title: 'a backend that was ended is replaced',
    sees: /"one":1/,
    run: async (subject) => {
      const name = application()
      const sql = subject.open({ max: 1, connection: { application_name: name } })
      const [row] = await sql`select pg_backend_pid() as pid`
      await subject.admin('select pg_terminate_backend($1)', [row?.['pid']])
      await until(subject, `(${sessions(name)}) = 0`)
      await new Promise((resolve) => setTimeout(resolve, 20))
      return await sql`select 1 as one`
    },
  },
])
