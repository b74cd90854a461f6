import { type ChildProcess, spawn } from 'node:child_process'
import { get } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** A server in a process of its own. */
export interface Program {
  readonly name: string
  readonly port: number
  /** The end of what it wrote to stderr. */
  errors(): string
  stop(): Promise<void>
}

export interface ProgramOptions {
  readonly name: string
  readonly command: readonly [program: string, ...args: string[]]
  readonly cwd?: string | undefined
  /** All of its environment, but for what a program needs to run at all. */
  readonly env: Readonly<Record<string, string>>
  readonly port: number
  /** Answers 200 once it is up. */
  readonly readyPath: string
}

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 5_000
const POLL_MS = 25
const KEPT_CHARACTERS = 20_000

/**
 * Becomes the program. A second process of its group ends all of the group when this end of its pipe is closed, which the
 * system does however this process ends: no handler sees a SIGKILL, nor a runner that ends its workers.
 */
const GUARDED = 'exec 3<&0; (cat <&3 >/dev/null; kill -KILL 0) & exec "$@" 3<&- </dev/null'

/** Starts a program and resolves when it answers. Rejects, with what it wrote, when it ends before. */
export async function runProgram(options: ProgramOptions): Promise<Program> {
  const { name, command, cwd, env, port, readyPath } = options
  const { PATH = '', HOME = '' } = process.env
  const child = spawn('/bin/sh', ['-c', GUARDED, 'sh', ...command], {
    cwd,
    env: { PATH, HOME, ...env, HOST: '127.0.0.1', PORT: String(port) },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own, so that what it starts ends with it.
    detached: true,
  })
  let written = ''
  const keep = (chunk: Buffer): void => {
    written = (written + chunk.toString()).slice(-KEPT_CHARACTERS)
  }
  child.stderr.on('data', keep)
  child.stdout.on('data', keep)
  child.stdin.on('error', () => undefined)
  let failure: Error | undefined
  const exited = new Promise<void>((resolve) => {
    child
      .once('exit', () => resolve())
      .once('error', (error) => {
        failure = error
        resolve()
      })
  })
  async function stop(): Promise<void> {
    signal(child, 'SIGTERM')
    const patience = new AbortController()
    const overdue = sleep(STOP_TIMEOUT_MS, undefined, { signal: patience.signal }).then(
      () => signal(child, 'SIGKILL'),
      () => undefined,
    )
    await exited
    patience.abort()
    await overdue
    child.stdin.destroy()
  }

  const deadline = performance.now() + START_TIMEOUT_MS
  while (!(await isReady(port, readyPath))) {
    const ended = failure ?? (isRunning(child) ? undefined : new Error('it ended'))
    if (ended === undefined && performance.now() < deadline) await sleep(POLL_MS)
    else {
      await stop()
      throw new Error(`${name} does not answer\n${written}`, { cause: ended })
    }
  }
  // Another one may answer on the port that this one could not have.
  if (!isRunning(child)) throw new Error(`${name} ended as it began\n${written}`)
  return { name, port, errors: () => written, stop }
}

function isRunning(child: ChildProcess): boolean {
  return child.exitCode === null && child.signalCode === null
}

function signal(child: ChildProcess, name: NodeJS.Signals): void {
  if (child.pid === undefined || !isRunning(child)) return
  try {
    process.kill(-child.pid, name)
  } catch {
    // It ended just now.
  }
}

function isReady(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode === 200))
    }).once('error', () => resolve(false))
  })
}
