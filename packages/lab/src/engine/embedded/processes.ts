import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** The processes whose parent is this one. Postgres' own are in sessions of their own, so no group holds them. */
export function childrenOf(parent: number): number[] {
  const rows = process.platform === 'linux' ? procTable() : psTable()
  return rows.filter((row) => row.parent === parent).map((row) => row.pid)
}

/** Whether the process is there. A zombie, which only waits for its parent to look, is not. */
export function isAlive(pid: number): boolean {
  if (process.platform === 'linux') return /\) [^ZX]/.test(stat(String(pid)))
  return signal(pid, 0)
}

/** Sends a signal; `false` when the process is gone. */
export function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name)
  } catch {
    return false
  }
}

interface ProcessRow {
  readonly pid: number
  readonly parent: number
}

/** Slim images have no `ps`; Linux always has this. */
function procTable(): ProcessRow[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => {
      // pid (comm) state ppid ...: comm may hold spaces and parentheses. See proc_pid_stat(5).
      const fields = stat(name)
        .replace(/^.*\) /s, '')
        .split(' ')
      return { pid: Number(name), parent: Number(fields[1]) }
    })
}

function stat(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

function psTable(): ProcessRow[] {
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, parent] = line.trim().split(/\s+/).map(Number)
      return { pid: pid ?? 0, parent: parent ?? 0 }
    })
}
