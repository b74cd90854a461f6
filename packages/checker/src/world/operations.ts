import type { Pool } from '@flyback/pg'
import type pg from 'pg'
import type { Operation } from '../history/history.ts'

export const SCHEMA =
  'create table entry (run int not null, tag text not null); create index on entry (run)'

const READ = `select pg_is_in_recovery() as standby, current_setting('cluster_name') as member,
array(select tag from entry where run = $1) as tags`
const WRITE = `insert into entry (run, tag) values ($1, $2)
returning current_setting('cluster_name') as member, pg_backend_pid() as backend`

interface Seen {
  readonly standby: boolean
  readonly member: string
  readonly tags: string[]
}

interface Written {
  readonly member: string
  readonly backend: number
}

export interface Todo {
  readonly pool: Pool
  readonly run: number
  readonly operation: Operation
  readonly killCommitting: (backend: number) => Promise<void>
}

/** Does one operation with the pool, and notes what it saw and who served it. */
export async function runOperation(todo: Todo): Promise<void> {
  const { pool, run, operation } = todo
  switch (operation.kind) {
    case 'read':
      return noteRead(operation, [await read(pool, run)])
    case 'read-transaction':
      return await transaction(
        pool,
        'begin isolation level repeatable read read only',
        async (client) => {
          noteRead(operation, [await read(client, run), await read(client, run)])
        },
      )
    case 'write':
      return noteWrite(operation, await write(pool, todo))
    case 'write-transaction':
      return await transaction(pool, 'begin', async (client) => {
        noteWrite(operation, await write(client, todo))
      })
    case 'unknown-commit':
      return await transaction(pool, 'begin', async (client) => {
        // COMMIT is done, and waits for a standby that does not exist: its connection is lost there.
        await client.query('set local synchronous_commit = on')
        const written = await write(client, todo)
        noteWrite(operation, written)
        void todo.killCommitting(written.backend)
      })
  }
}

async function transaction(
  pool: Pool,
  begin: string,
  work: (client: pg.PoolClient) => Promise<void>,
): Promise<void> {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    await client.query(begin)
    await work(client)
    await client.query('commit')
  } catch (error) {
    failure = error instanceof Error ? error : new Error('A transaction failed')
    await client.query('rollback').catch(() => undefined)
    throw error
  } finally {
    client.release(failure !== undefined && Reflect.get(client, '_ending') === true)
  }
}

async function read(db: Pool | pg.PoolClient, run: number): Promise<Seen | undefined> {
  const { rows } = await db.query<Seen>(READ, [run])
  return rows[0]
}

async function write(db: Pool | pg.PoolClient, { run, operation }: Todo): Promise<Written> {
  const { rows } = await db.query<Written>(WRITE, [run, operation.tag])
  const [row] = rows
  if (row === undefined) throw new Error('The write has returned nothing')
  return row
}

function noteRead(operation: Operation, seen: readonly (Seen | undefined)[]): void {
  const [first] = seen
  operation.seen = seen.map((one) => one?.tags ?? [])
  if (first === undefined) return
  operation.member = first.member
  operation.role = first.standby ? 'replica' : 'primary'
}

function noteWrite(operation: Operation, { member }: Written): void {
  operation.member = member
  operation.role = 'primary'
}
