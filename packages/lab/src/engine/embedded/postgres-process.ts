import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { LabError } from '../../lab-error.js'
import type { StopMode } from '../engine.js'
import type { Account } from './account.js'
import { childrenOf, isAlive, signal } from './processes.js'
import { POSTGRES_ENV } from './run.js'

export interface PostgresProcessOptions {
  readonly region: string
  readonly postgres: string
  readonly account: Account | undefined
  readonly dataFolder: string
  readonly logFile: string
  readonly args: readonly string[]
}

const START_TIMEOUT_MS = 30_000
const STOP_TIMEOUT_MS = 10_000
const POLL_MS = 10
const LOG_TAIL_LINES = 20

const SIGNALS = { fast: 'SIGINT', immediate: 'SIGQUIT', kill: 'SIGKILL' } as const

/** The postmaster of one member, and what it started. */
export class PostgresProcess {
  readonly #options: PostgresProcessOptions
  #child: ChildProcess | undefined
  #exited: Promise<void> = Promise.resolve()
  #hung: readonly number[] = []

  constructor(options: PostgresProcessOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  get hung(): boolean {
    return this.#hung.length > 0
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return
    const { postgres, account, dataFolder, logFile, args } = this.#options
    const log = openSync(logFile, 'a', 0o600)
    const child = spawn(postgres, ['-D', dataFolder, ...args], {
      ...account,
      cwd: '/',
      // Its own process group: Ctrl-C in a terminal must not reach it.
      detached: true,
      env: POSTGRES_ENV,
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    child.unref()
    this.#child = child
    this.#exited = new Promise((resolve) => {
      const gone = () => {
        this.#child = undefined
        this.#hung = []
        resolve()
      }
      child.on('exit', gone)
      child.on('error', gone)
    })
    for (const deadline = performance.now() + START_TIMEOUT_MS; performance.now() < deadline; ) {
      if (this.#child !== child) throw this.#failedToStart('ended')
      if (this.#isReady()) return
      await sleep(POLL_MS)
    }
    await this.stop('kill')
    throw this.#failedToStart(`was not ready after ${START_TIMEOUT_MS} ms`)
  }

  async stop(mode: StopMode): Promise<void> {
    const { pid } = this
    if (pid === undefined) return
    // Being awaited, it may keep the event loop alive again.
    this.#child?.ref()
    const processes = [pid, ...childrenOf(pid)]
    this.unhang()
    signal(pid, SIGNALS[mode])
    if (!(await allGone(processes, STOP_TIMEOUT_MS))) {
      signal(pid, 'SIGQUIT')
      if (!(await allGone(processes, STOP_TIMEOUT_MS))) {
        for (const process of processes) signal(process, 'SIGKILL')
      }
    }
    await this.#exited
  }

  hang(): void {
    if (this.pid === undefined || this.hung) return
    // The postmaster first: it must not start another process between the listing and the stop.
    signal(this.pid, 'SIGSTOP')
    this.#hung = [this.pid, ...childrenOf(this.pid)]
    for (const process of this.#hung) signal(process, 'SIGSTOP')
  }

  unhang(): void {
    for (const process of this.#hung.toReversed()) signal(process, 'SIGCONT')
    this.#hung = []
  }

  /** The last line that the postmaster keeps in its pid file is its state, as `pg_ctl -w` reads it (miscinit.h). */
  #isReady(): boolean {
    const lines = readLines(join(this.#options.dataFolder, 'postmaster.pid'))
    return lines[0] === String(this.pid) && lines[7]?.trim() === 'ready'
  }

  #failedToStart(what: string): LabError {
    const tail = readLines(this.#options.logFile).slice(-LOG_TAIL_LINES).join('\n')
    return new LabError(`Postgres in ${this.#options.region} ${what}. The end of its log:\n${tail}`)
  }
}

/** Waits until none of the processes is left. */
async function allGone(processes: readonly number[], timeoutMs: number): Promise<boolean> {
  for (const deadline = performance.now() + timeoutMs; performance.now() < deadline; ) {
    if (!processes.some(isAlive)) return true
    await sleep(POLL_MS)
  }
  return false
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trimEnd().split('\n')
  } catch {
    return []
  }
}
