/**
 * Guards the changelog: a branch that changes a public package says so in a changeset (see .changeset/README.md). The
 * base is `main` where there is one; a clone of a single branch has none, and then there is nothing to compare with.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { ROOT } from './workspace.ts'

const BASES = ['origin/main', 'main']

function exists(ref: string): boolean {
  const args = ['rev-parse', '--verify', '--quiet', `${ref}^{commit}`]
  return spawnSync('git', args, { cwd: ROOT }).status === 0
}

const base = BASES.find(exists) ?? 'HEAD'
console.log(`check-changes: against ${base}`)
const changeset = join(ROOT, 'node_modules/.bin/changeset')
const { status } = spawnSync(changeset, ['status', `--since=${base}`], {
  cwd: ROOT,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
