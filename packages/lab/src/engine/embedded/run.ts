import { execFile } from 'node:child_process'
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

/** Runs a binary to its end as the account. Never rejects. */
export function run(
  file: string,
  args: readonly string[],
  account: Account | undefined,
): Promise<RunResult> {
  return new Promise((resolve) => {
    const options = { ...account, cwd: '/', env: POSTGRES_ENV, encoding: 'utf8' as const }
    try {
      execFile(file, args, options, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : (error.code ?? 'killed'), output: stdout + stderr })
      })
    } catch (error) {
      // Node throws at once where the uid cannot be set.
      resolve({
        code: error instanceof Error && 'code' in error ? String(error.code) : 'failed',
        output: '',
      })
    }
  })
}
