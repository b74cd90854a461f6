import { execFile } from 'node:child_process'
import { EventEmitter } from 'node:events'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { vi } from 'vitest'
import { differential, type MakePool, outcome, parts } from './differential.js'

const ONE = 'select 1 as one'
const NAME = "select current_setting('application_name') as name"

differential('classes', [
  {
    title: 'a pool is a pg.Pool and an EventEmitter, and its clients are pg.Clients',
    sees: /"pool":true,"emitter":true,"named":true,"client":true/,
    async run(make) {
      const pool = make()
      const client = await pool.connect()
      const answer = {
        pool: pool instanceof pg.Pool,
        emitter: pool instanceof EventEmitter,
        named: pool.constructor.name.includes('Pool'),
        client: client instanceof pg.Client,
        release: Object.hasOwn(client, 'release'),
        keys: Object.keys(pool).toSorted(),
        clientKeys: Object.keys(client).toSorted(),
        instance: pool.constructor === make.Pool,
      }
      client.release()
      return answer
    },
  },
  {
    title: 'a pool can be subclassed, and its overrides are called',
    sees: /"mine":true,"seen":\["select 1 as one"\],"rows":\[{"one":1}\]/,
    async run(make) {
      const seen: unknown[] = []
      class Mine extends make.Pool {
        readonly extra = 'extra'
        override query(...args: never[]): never {
          seen.push(args[0])
          return Reflect.apply(super.query, this, args) as never
        }
      }
      const pool: pg.Pool = new Mine(make.config({ max: 1 }))
      const { rows } = await pool.query(ONE)
      const { max } = pool.options
      await pool.end()
      return {
        mine: pool instanceof Mine && pool instanceof make.Pool,
        seen,
        rows,
        max,
        extra: Reflect.get(pool, 'extra'),
      }
    },
  },
  {
    title: 'a pool needs new',
    sees: /"threw":{"class":"TypeError"/,
    async run(make) {
      const { threw } = Object(await outcome(() => Reflect.apply(make.Pool, undefined, [{}])))
      return { threw: { class: threw?.constructor.name } }
    },
  },
])

differential(
  'the environment',
  [
    {
      title: 'PGHOST and its relatives say where to connect',
      sees: /"name":"from-env"/,
      async run(make) {
        stub(make)
        vi.stubEnv('PGAPPNAME', 'from-env')
        return (await make.bare().query(NAME)).rows
      },
    },
    {
      title: 'options win over the environment',
      sees: /"name":"from-options"/,
      async run(make) {
        stub(make)
        vi.stubEnv('PGAPPNAME', 'from-env')
        vi.stubEnv('PGDATABASE', 'no_such')
        const { database } = parts(make)
        return (await make.bare({ database, application_name: 'from-options' }).query(NAME)).rows
      },
    },
    {
      title: 'PGHOST wins over DATABASE_URL',
      sees: /"one":1/,
      async run(make) {
        stub(make)
        vi.stubEnv('DATABASE_URL', 'postgres://nobody@127.0.0.1:1/none')
        return (await make.bare().query(ONE)).rows
      },
    },
    {
      title: 'options win over DATABASE_URL',
      sees: /"one":1/,
      async run(make) {
        unstub()
        vi.stubEnv('DATABASE_URL', 'postgres://nobody@127.0.0.1:1/none')
        return [(await make.bare(parts(make)).query(ONE)).rows, (await make().query(ONE)).rows]
      },
    },
    {
      title: 'DATABASE_URL alone says nothing to pg',
      sees: /"rejected":/,
      async run(make) {
        unstub()
        vi.stubEnv('DATABASE_URL', make.url)
        vi.stubEnv('PGPORT', '1')
        return outcome(async () => (await make.bare().query(ONE)).rows)
      },
      differs: {
        single: { because: 'ours reads it', shows: /"value":\[{"one":1}\]/ },
        primary: { because: 'ours reads it', shows: /"value":\[{"one":1}\]/ },
      },
    },
  ],
  { sequential: true },
)

differential('a process', [
  {
    title: 'an idle pool with allowExitOnIdle does not keep the process',
    sees: /"code":0,"stdout":"done/,
    run: (make) =>
      inProcess(
        make,
        `const pool = new Pool({ ...config, allowExitOnIdle: true, idleTimeoutMillis: 600000 })
         await pool.query('select 1')
         console.log('done')`,
      ),
  },
  {
    title: 'an idle client that dies while nobody listens for errors crashes the process',
    sees: /"code":1,"stdout":"57P01/,
    run: (make) =>
      inProcess(
        make,
        `process.on('uncaughtExceptionMonitor', (error) => console.log(error.code))
         const pool = new Pool(config)
         const client = await pool.connect()
         const removed = new Promise((resolve) => pool.once('remove', resolve))
         client.release()
         const other = new Pool(config)
         await other.query('select pg_terminate_backend($1)', [client.processID])
         await removed
         await other.end()
         await pool.end()
         console.log('survived')`,
      ),
    differs: {
      primary: {
        because: 'rule 22: no fault of a server crashes the process',
        shows: /"code":0,"stdout":"survived/,
      },
    },
  },
])

/** Says where the test database is, in the variables that pg reads. */
function stub(make: MakePool): void {
  unstub()
  const { host, port, user, password, database } = parts(make)
  vi.stubEnv('PGHOST', host)
  vi.stubEnv('PGPORT', String(port))
  vi.stubEnv('PGUSER', user)
  vi.stubEnv('PGPASSWORD', password)
  vi.stubEnv('PGDATABASE', database)
}

function unstub(): void {
  vi.unstubAllEnvs()
  for (const name of ['PGHOST', 'PGPORT', 'PGUSER', 'PGPASSWORD', 'PGDATABASE', 'DATABASE_URL']) {
    vi.stubEnv(name, undefined)
  }
}

/** Runs a script with the pool under test in a process of its own, from the sources. */
function inProcess(make: MakePool, script: string): Promise<unknown> {
  const hooks = `import { registerHooks } from 'node:module'
    registerHooks({ resolve(specifier, context, next) {
      try { return next(specifier, context) } catch (error) {
        if (!specifier.endsWith('.js')) throw error
        return next(specifier.slice(0, -3) + '.ts', context)
      }
    } })`
  const from =
    make.Pool === pg.Pool
      ? "import pg from 'pg'; const { Pool } = pg"
      : `import { Pool } from '../src/index.ts'`
  const args = [
    '--conditions=@flyback/source',
    `--import=data:text/javascript,${encodeURIComponent(hooks)}`,
    '--input-type=module',
    '--eval',
    `${from}; const config = JSON.parse(process.env.TEST_CONFIG); ${script}`,
  ]
  const options = {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    env: { ...process.env, TEST_CONFIG: JSON.stringify(make.config()) },
    timeout: 20_000,
  }
  return new Promise((resolve) => {
    execFile(process.execPath, args, options, (error, stdout) => {
      resolve({ code: error === null ? 0 : error.code, stdout })
    })
  })
}
