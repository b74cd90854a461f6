import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join } from 'node:path'
import { fileURLToPath } from 'node:url'

type Command = readonly [program: string, ...args: string[]]

const PACKAGE = fileURLToPath(new URL('..', import.meta.url))
const { platform, arch } = process

/** The packages with the other runtimes, for the platforms that `optionalDependencies` names. */
const BUN = `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`
const DENO = `@deno/${platform}-${arch}-glibc`

/** On the Node of this process. */
export function onNode(name: string): Command {
  return [process.execPath, serverFile(name)]
}

export function onBun(name: string): Command {
  return [findProgram(BUN, 'bin/bun', 'bun'), serverFile(name)]
}

export function onDeno(name: string): Command {
  const flags = ['-A', '--quiet', '--no-remote', '--no-lock', '--node-modules-dir=manual']
  return [findProgram(DENO, 'deno', 'deno'), 'run', ...flags, serverFile(name)]
}

/** The variables of a Deno that leaves nothing outside of this repository. */
export const DENO_ENV: Readonly<Record<string, string>> = {
  DENO_DIR: join(PACKAGE, 'node_modules/.deno'),
  DENO_NO_UPDATE_CHECK: '1',
}

/** Seen with Bun 1.4.5. */
export const BUN_READS_IN_PARTS =
  'Bun hands out a string of more than 16 KB in parts: in a replica region it is sent chunked, without a length'

/** A server of `src/servers` by its name, or any program by its path. */
function serverFile(name: string): string {
  return isAbsolute(name) ? name : join(PACKAGE, 'src/servers', `${name}.ts`)
}

/** From its package, or else from `PATH`. @throws Error where there is neither */
function findProgram(from: string, path: string, name: string): string {
  try {
    const manifest = createRequire(import.meta.url).resolve(`${from}/package.json`)
    return join(dirname(manifest), path)
  } catch {
    if (spawnSync(name, ['--version']).status === 0) return name
    throw new Error(`${name} is not there: install ${from}, or put ${name} into PATH`)
  }
}
