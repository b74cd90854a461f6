import { createServer, connect, type Socket } from 'node:net'
import { inspect } from 'node:util'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import driver from 'postgres'
import { afterAll, beforeAll, test } from 'vitest'
import ours, { createPostgres } from '../src/index.js'
import { SCHEMA } from './support.js'
let db: TestDatabase
beforeAll(async () => { db = await sharedLab().createDatabase({ schema: SCHEMA }) })
afterAll(() => db.drop())
const env = (r: string) => db.env(r)
const make = (which: string, region: string, o: any = {}): any => {
  const e = env(region)
  return which === 'driver' ? driver(e['DATABASE_URL'] as string, { onnotice() {}, ...o })
   : ours({ onnotice() {}, ...o, flyback: { env: e } } as any)
}
const show = async (label: string, p: any, ms = 3000) => {
  let t: any
  const r = await Promise.race([Promise.resolve(p).then((v: any) => 'OK ' + inspect(v, {depth:1}).slice(0,160), (e: any) => `ERR ${e?.name} ${e?.code} ${e?.message} ${e?.reason ?? ''}`), new Promise(r => { t = setTimeout(r, ms, '*** HANG') })])
  clearTimeout(t)
  console.log(label, '=>', r)
  return r
}
const unhandled: any[] = []
process.on('unhandledRejection', (e: any) => { unhandled.push(e); console.log('UNHANDLED', e?.code, e?.message) })
process.on('uncaughtException', (e: any) => { console.log('UNCAUGHT', e?.code, e?.message) })

for (const which of ['driver', 'ours']) {
  test('savepoint ' + which, async () => {
    const sql = make(which, 'ewr', { max: 2 })
    const r = await sql.reserve()
    await r`begin`; await r`savepoint a`; await r`rollback`
    r.release()
    await show(which + ' insert after reserve/begin/savepoint/rollback/release', sql`insert into item(name) values (${'sp-' + which})`)
    await show(which + ' kept?', sql`select name from item where name = ${'sp-' + which}`)
    await show(which + ' end', sql.end({ timeout: 1 }))
  })
  test('reserve begin release ' + which, async () => {
    const sql = make(which, 'ewr', { max: 1 , idle_timeout: 60})
    const sql2 = make(which, 'ewr', { max: 2 })
    const r = await sql2.reserve()
    await r`begin`; await r`insert into item(name) values (${'left-' + which})`
    r.release()
    await show(which + ' innocent select', sql2`select 1 as a`)
    const r2 = await sql2.reserve()
    await r2`begin`; await r2`insert into item(name) values (${'left2-' + which})`
    r2.release()
    await show(which + ' innocent begin', sql2.begin((tx: any) => tx`select 1 as a`))
    await show(which + ' left2 kept?', sql`select name from item where name like ${'left%-' + which}`)
    await sql.end({ timeout: 1 }); await sql2.end({ timeout: 1 })
  })
  test('cached plan retry + pipelined error ' + which, async () => {
    const sql = make(which, 'ewr', { max: 1 })
    await sql.unsafe(`create table plan_${which} (a int); insert into plan_${which} values (1)`)
    const q = () => sql.unsafe(`select * from plan_${which}`, [], { prepare: true, simple: false })
    await q()
    await sql.unsafe(`alter table plan_${which} add column b int`)
    const [a, b] = [q(), sql.unsafe('select 1/0')]
    a.execute(); b.execute()
    await Promise.all([show(which + ' Q1 retried', a), show(which + ' Q2 1/0', b)])
    await show(which + ' next', sql`select 1 as next`)
    await show(which + ' end', sql.end({ timeout: 1 }))
  })
  for (const size of [10, 2000000]) test(`copy readable destroyed ${size} ` + which, async () => {
    const sql = make(which, 'ewr', { max: 1 })
    const s = await sql.unsafe(`copy (select g, repeat('x', 100) from generate_series(1, ${size}) g) to stdout`).readable()
    for await (const c of s) { void c; break }
    await show(which + ` after break in COPY ${size}`, sql`select 1 as next`)
    await show(which + ` after break in COPY ${size} 2`, sql`select 1 as next`)
    await show(which + ' end', sql.end({ timeout: 1 }))
  })
  test('cursor parser throws ' + which, async () => {
    const sql = make(which, 'ewr', { max: 1, types: { boom: { to: 23, from: [23], parse() { throw new Error('parse boom') }, serialize: (x: any) => '' + x } } })
    await show(which + ' cursor', (async () => { for await (const x of sql`select g::int as g from generate_series(1,5) g`.cursor(5)) void x })())
    await show(which + ' next1', sql`select 'a'::text as a`)
    await show(which + ' next2', sql`select 'b'::text as b`)
    await show(which + ' next3', sql`select 'c'::text as c`)
    await show(which + ' callback cursor', Promise.all([sql`select g::int as g from generate_series(1,5) g`.cursor(5, () => {}).catch((e: any) => e.message), sql`select 'p'::text as p`, sql`select 'q'::text as q`]))
    await show(which + ' end', sql.end({ timeout: 1 }))
  })
  test('debug stack ' + which, async () => {
    const sql = make(which, 'ewr', { max: 1, debug: true })
    async function callerOfUnsafe() { return await sql.unsafe('select nope') }
    async function callerA(f: any) { return await f() }
    async function callerB(f: any) { return await f() }
    const e: any = await callerOfUnsafe().catch((x: any) => x)
    console.log(which, 'debug unsafe stack names caller:', /callerOfUnsafe/.test(e.stack), Object.keys(e).join())
    const t = () => sql`select nopet`
    function one() { return t() } function two() { return t() }
    const e1: any = await one().catch((x: any) => x), e2: any = await two().catch((x: any) => x)
    console.log(which, 'tagged one', /at one/.test(e1.stack), 'two names two:', /at two/.test(e2.stack), 'two names one:', /at one/.test(e2.stack))
    await sql.end({ timeout: 1 })
  })
  test('idle_timeout inside bare transaction max 1 ' + which, async () => {
    const sql = make(which, 'ewr', { max: 1, idle_timeout: 0.3 })
    await sql`begin`; await sql`insert into item(name) values (${'i1-' + which})`
    await new Promise(r => setTimeout(r, 900))
    await show(which + ' insert 2', sql`insert into item(name) values (${'i2-' + which})`)
    await show(which + ' commit', sql`commit`)
    await show(which + ' kept', sql`select name from item where name like ${'i_-' + which}`)
    await sql.end({ timeout: 1 })
  })
  test('cancel when no new connection can be made ' + which, async () => {
    const target = new URL(env('ewr')['DATABASE_URL'] as string)
    const socks = new Set<Socket>()
    const server = createServer((s) => { const up = connect(Number(target.port || 5432), target.hostname); socks.add(s); socks.add(up); s.on('error', () => {}); up.on('error', () => {}); s.pipe(up); up.pipe(s) })
    await new Promise<void>(r => server.listen(0, '127.0.0.1', r))
    const u = new URL(target.href); u.hostname = '127.0.0.1'; u.port = String((server.address() as any).port)
    const sql: any = which === 'driver' ? driver(u.href, { max: 1 }) : ours(u.href, { max: 1, flyback: { env: { ...env('ewr'), DATABASE_URL: u.href } } } as any)
    const q = sql`select pg_sleep(1.5)`; q.execute()
    await new Promise(r => setTimeout(r, 300))
    server.close()
    q.cancel()
    await show(which + ' cancelled with no listener', q)
    await new Promise(r => setTimeout(r, 200))
    await sql.end({ timeout: 0 }); for (const s of socks) s.destroy()
  })
}
test('cursor 40001 retry', async () => {
  await db.query('ewr', 'writer', `create function conflict() returns int language plpgsql as $$ begin if pg_is_in_recovery() then raise exception 'c' using errcode = '40001'; end if; return 1; end $$`)
  await new Promise(r => setTimeout(r, 500))
  const sql = make('ours', 'iad', { max: 2 })
  await show('plain 40001 on replica', sql`select conflict()`)
  await show('cursor 40001 on replica', (async () => { const out: any[] = []; for await (const x of sql`select conflict()`.cursor(5)) out.push(x); return out })())
  await show('copy 40001', (async () => { const s = await sql`copy (select conflict()) to stdout`.readable(); let o = ''; for await (const c of s) o += c; return o })())
  await show('plain after cursor', sql`select conflict()`)
  await sql.end({ timeout: 1 })
})
