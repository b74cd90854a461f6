/**
 * Guards the way a newcomer installs: the lockfile and the files beside it must name no registry. A host written down
 * (by a mirror, a proxy, an .npmrc) works for whoever has that host, and for nobody else. Integrity hashes pin what is
 * installed; where it comes from is the reader's own configuration.
 */
import { finish, readFile, repositoryFiles } from './workspace.ts'

const LOCKFILE = 'pnpm-lock.yaml'
const IN_LOCKFILE = /https?:\/\/|tarball:/
/** `registry.` and a host after it, or the key of an .npmrc. */
const REGISTRY = /\bregistry\.[a-z0-9-]+\.[a-z]{2,}|^\s*(?:@[\w-]+:)?registry\s*=/im
const BINARY = /\.(?:png|jpe?g|gif|ico|woff2?|tgz)$/

function firstLine(text: string, pattern: RegExp): number | undefined {
  const at = text.search(pattern)
  return at === -1 ? undefined : text.slice(0, at).split('\n').length
}

const files = repositoryFiles()
const problems: string[] = []
if (!files.includes(LOCKFILE)) problems.push(`${LOCKFILE} is missing`)
for (const file of files.filter((name) => !BINARY.test(name))) {
  const pattern = file === LOCKFILE ? IN_LOCKFILE : REGISTRY
  const line = firstLine(readFile(file), pattern)
  if (line !== undefined) problems.push(`${file}:${line} names where packages come from`)
}
finish('check-lockfile', `${files.length} files name no registry`, problems)
