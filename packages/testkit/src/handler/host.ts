import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { EdgeHop, EdgeRecord } from '@flyback/lab'
import pg from 'pg'
import { freePort } from '../free-port.js'
import { sharedLab } from '../shared-lab.js'
import { connectSocket, type OpenSocket } from './connect-socket.js'
import { type Door, openDoors } from './doors.js'
import type { HandlerUnderTest } from './handler-under-test.js'
import { PROGRAMS, type ProgramName } from './programs.js'
import { type Program, runProgram } from './run-program.js'
import { type Answer, type Sent, send } from './send.js'

/** The table in which the contract's app leaves its one kind of effect. */
const SCHEMA = 'create table effect (id text not null, region text not null)'

const RECORD_TIMEOUT_MS = 5_000
const POLL_MS = 5

/** One framework's servers in all regions, with everything a case needs to look at them. */
export interface Host extends AsyncDisposable {
  /** Not used by any other case. */
  id(): string
  send(door: Door, path: string, sent?: Sent): Promise<Answer>
  /** Opens a WebSocket; the caller closes it. */
  connect(door: Door, path: string): Promise<OpenSocket>
  /** The regions whose app left this effect, in the order they did. */
  effects(id: string): Promise<string[]>
  /** The deliveries of an answered request, once the edge has finished with it. */
  hops(answer: Answer): Promise<readonly EdgeHop[]>
  /** What the edges saw of all requests to a path. */
  records(path: string): readonly EdgeRecord[]
  /** What the programs wrote. */
  errors(): string
}

/**
 * Starts a framework's server once for each of {@link PROGRAMS}, and the edges before them.
 *
 * @param names those to start, where a test needs not all of them
 */
export async function startHost(
  handler: HandlerUnderTest,
  names: readonly ProgramName[] = [...PROGRAMS.keys()],
): Promise<Host> {
  await using started = new AsyncDisposableStack()
  const database = await sharedLab().createDatabase({ schema: SCHEMA })
  started.defer(() => database.drop())
  const pool = new pg.Pool({ connectionString: database.url('ewr', 'writer'), max: 2 })
  pool.on('error', () => {})
  started.defer(() => pool.end())

  const ports = new Map<ProgramName, number>()
  for (const name of PROGRAMS.keys()) ports.set(name, await freePort())
  const portOf = (name: ProgramName): number => ports.get(name) ?? 0
  const start = async (name: ProgramName): Promise<Program> => {
    const program = await runProgram({
      name: `${handler.name} in ${name}`,
      command: handler.command,
      cwd: handler.cwd,
      port: portOf(name),
      readyPath: '/ready',
      env: {
        NODE_ENV: 'production',
        ...handler.env,
        ...PROGRAMS.get(name)?.(database, portOf),
      },
    })
    started.defer(() => program.stop())
    return program
  }
  const outcomes = await Promise.allSettled(names.map(start))
  const programs = outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })

  const records: EdgeRecord[] = []
  const doors = await openDoors(ports, (record) => records.push(record))
  started.use(doors)
  const disposables = started.move()
  return {
    id: () => randomUUID(),
    send: (door, path, sent) => send(doors.url(door), path, sent),
    connect: (door, path) => connectSocket(doors.url(door), path),
    async effects(id) {
      const sql = 'select region from effect where id = $1'
      return (await pool.query<{ region: string }>(sql, [id])).rows.map(({ region }) => region)
    },
    async hops(answer) {
      const id = answer.header('fly-request-id')
      const deadline = performance.now() + RECORD_TIMEOUT_MS
      while (performance.now() < deadline) {
        const record = records.find((one) => one.id === id)
        if (record !== undefined) return record.hops
        await sleep(POLL_MS)
      }
      throw new Error(`no edge has finished with a request ${id}`)
    },
    records: (path) => records.filter((record) => record.path === path),
    errors: () => programs.map(({ name, errors }) => `--- ${name}\n${errors()}`).join('\n'),
    [Symbol.asyncDispose]: () => disposables.disposeAsync(),
  }
}
