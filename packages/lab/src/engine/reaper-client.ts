import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Reaper {
  /** Lets the reaper go; resolves when its process has ended. */
  release(): Promise<void>
}

/** Starts the process that ends the members below a folder, and removes it, when this process is gone. */
export function startReaper(folder: string): Reaper {
  const file = import.meta.url.endsWith('.ts') ? './reaper.ts' : './reaper.js'
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, import.meta.url)), folder], {
    cwd: '/',
    // Its own process group: Ctrl-C in a terminal reaches us, not the one that cleans up after us.
    detached: true,
    env: {},
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const exited = new Promise<void>((resolve) => {
    child.on('exit', () => resolve())
    child.on('error', () => resolve())
  })
  child.unref()
  child.stdin.on('error', () => {})
  return {
    release: () => {
      child.ref()
      child.stdin.end()
      return exited
    },
  }
}
