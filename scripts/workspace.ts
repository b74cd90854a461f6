/** What every check needs to know of the repository: its files as git sees them, its packages, how a check ends. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

export const ROOT: string = dirname(import.meta.dirname)

/** One entry of `exports`, as this workspace writes them. */
export type ExportEntry = Readonly<Record<string, string>>

export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports?: Readonly<Record<string, ExportEntry>>
  readonly publishConfig?: { readonly exports?: Readonly<Record<string, ExportEntry>> }
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

export interface Package {
  /** Absolute. */
  readonly folder: string
  readonly manifest: Manifest
}

/** Paths of what is committed or would be: tracked, or new and not ignored. Relative to the root. */
export function repositoryFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const listed = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).split('\0')
  return [...new Set(listed)]
    .filter((file) => file !== '' && existsSync(join(ROOT, file)))
    .toSorted()
}

export function readFile(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

/** The packages that are published. */
export function publicPackages(): Package[] {
  return repositoryFiles()
    .filter((file) => /^packages\/[^/]+\/package\.json$/.test(file))
    .map((file) => ({
      folder: join(ROOT, dirname(file)),
      // The fields above are all this workspace relies on; pnpm and sherif check the rest.
      manifest: JSON.parse(readFile(file)) as Manifest,
    }))
    .filter(({ manifest }) => manifest.private !== true)
}

/** Prints the result; problems make the process fail. */
export function finish(check: string, checked: string, problems: readonly string[]): void {
  for (const problem of problems) console.error(`${check}: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
  else console.log(`${check}: ${checked}`)
}
