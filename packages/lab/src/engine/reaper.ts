// Started by reaper-client.ts as a process of its own. It waits until the pipe from the lab's process ends, which the
// kernel sees to however that process dies, then ends what runs below the folder and removes it.
// One file without relative imports: Node runs it from src as it is.
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

interface Row {
  readonly pid: number
  readonly parent: number
  readonly command: string
}

const ROUNDS = 20
const ROUND_MS = 100
const QUIT_TIMEOUT_MS = 3000
const POLL_MS = 20

const [, , labFolder] = process.argv
if (labFolder !== undefined) {
  process.stdin.resume()
  process.stdin.on('error', () => {})
  process.stdin.on('close', () => void reap(labFolder))
}

/** In rounds: a process that was just being started may show up, or write, after the first. */
async function reap(folder: string): Promise<void> {
  for (let round = 0; round < ROUNDS && existsSync(folder); round++) {
    await endProcesses(folder)
    try {
      rmSync(folder, { recursive: true, force: true })
    } catch {
      // Somebody wrote meanwhile: the next round.
    }
    await sleep(ROUND_MS)
  }
}

async function endProcesses(folder: string): Promise<void> {
  const table = processTable()
  const roots = table.filter((row) => isOurs(row, folder)).map((row) => row.pid)
  // Postgres gives its children titles of their own, so they are known by their parent.
  const all = [...roots, ...table.filter((row) => roots.includes(row.parent)).map((row) => row.pid)]
  for (const pid of all) send(pid, 'SIGCONT')
  for (const pid of roots) send(pid, 'SIGQUIT')
  for (let waitedMs = 0; waitedMs < QUIT_TIMEOUT_MS && all.some(isAlive); waitedMs += POLL_MS) {
    await sleep(POLL_MS)
  }
  for (const pid of all) send(pid, 'SIGKILL')
}

function isOurs({ command }: Row, folder: string): boolean {
  const [program = ''] = command.split(' ')
  return (
    ['postgres', 'initdb'].includes(basename(program)) && command.includes(`${folder}/members/`)
  )
}

function processTable(): Row[] {
  if (process.platform === 'linux') {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({
        pid: Number(name),
        // pid (comm) state ppid ...: comm may hold spaces and parentheses. See proc_pid_stat(5).
        parent: Number(
          read(`/proc/${name}/stat`)
            .replace(/^.*\) \S+ /s, '')
            .split(' ')[0],
        ),
        command: read(`/proc/${name}/cmdline`).replaceAll('\0', ' '),
      }))
  }
  return execFileSync('ps', ['-A', '-ww', '-o', 'pid=,ppid=,command='], { encoding: 'utf8' })
    .split('\n')
    .map((line) => {
      const [, pid, parent, command = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
      return { pid: Number(pid), parent: Number(parent), command }
    })
}

/** Whether the process is there; one that only its parent's wait is missing for (a zombie) is not. */
function isAlive(pid: number): boolean {
  if (process.platform === 'linux') return /\) [^ZX]/.test(read(`/proc/${pid}/stat`))
  return send(pid, 0)
}

function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal)
  } catch {
    return false
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
