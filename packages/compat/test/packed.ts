import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const PACKAGES = join(import.meta.dirname, '../..')

/** The part of a manifest that a consumer meets. */
export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Packs each public package as a release does; resolves to the tarball of each name. */
export function packAll(destination: string): Map<string, string> {
  mkdirSync(destination, { recursive: true })
  const tarballs = new Map<string, string>()
  for (const folder of readdirSync(PACKAGES)) {
    const manifest = manifestOf(join(PACKAGES, folder))
    if (manifest.private === true) continue
    const args = ['pack', '--json', '--pack-destination', destination]
    // `pnpm test` has pnpm on the path, and `npm pack` would leave `workspace:` in the manifest.
    const packed = execFileSync('pnpm', args, { cwd: join(PACKAGES, folder), encoding: 'utf8' })
    // The documented output of `pnpm pack --json`.
    tarballs.set(manifest.name, (JSON.parse(packed) as { filename: string }).filename)
  }
  return tarballs
}

export function manifestOf(folder: string): Manifest {
  // The fields above are all that is read here; the registry's clients check the rest.
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}
