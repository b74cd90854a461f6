import { spawn } from 'node:child_process'
import type { Account } from './account.js'

export interface RunResult {
  /** The exit code, or the name of the failure to start (`EACCES`, `ENOENT`). */
  readonly code: number | string
  readonly output: string
}

/** Nothing of our environment: `initdb` takes locale and encoding from it, and `PG*` variables redirect. */
export const POSTGRES_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/bin:/bin',
  LC_ALL: 'C',
  TZ: 'UTC',
}

/**
 * Runs a binary to its end as the account, in a process group of its own: Ctrl-C in the terminal is for us to handle. Never
 * rejects.
 */
export function run(
  file: string,
  args: readonly string[],
  account: Account | undefined,
): Promise<RunResult> {
  return new Promise((resolve) => {
    let output = ''
    const done = (code: number | string): void => resolve({ code, output })
    const failed = (error: unknown): void =>
      done(error instanceof Error && 'code' in error ? String(error.code) : 'failed')
    try {
      const child = spawn(file, args, {
        ...account,
        cwd: '/',
        env: POSTGRES_ENV,
        stdio: ['ignore', 'pipe', 'pipe'],
        detached: true,
      })
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (text: Buffer) => {
          output += text.toString()
        })
      }
      child.on('error', failed)
      child.on('close', (code) => done(code ?? 'killed'))
    } catch (error) {
      // Node throws at once where the uid cannot be set.
      failed(error)
    }
  })
}
