/**
 * Guards what users install: packs each public package as a release does, then asks publint (strict) and
 * arethetypeswrong about the packed file, and looks for its README and LICENSE. ESM only, on purpose: every supported
 * Node can `require` it.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { finish, type Package, publicPackages, ROOT } from './workspace.ts'

const REQUIRED = ['README.md', 'LICENSE']

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (error !== undefined) {
    throw new Error(`${command} does not start; use \`pnpm run check:package\``, { cause: error })
  }
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}\n${stdout}${stderr}`)
  return stdout
}

function pack({ folder }: Package, destination: string): string {
  const stdout = run('pnpm', ['pack', '--json', '--pack-destination', destination], folder)
  // The documented output of `pnpm pack --json`.
  return (JSON.parse(stdout) as { filename: string }).filename
}

async function check(pkg: Package, destination: string): Promise<string[]> {
  const { name } = pkg.manifest
  const tarball = pack(pkg, destination)
  const contents = run('tar', ['-tzf', tarball], destination).split('\n')
  const problems = REQUIRED.filter((file) => !contents.includes(`package/${file}`)).map(
    (file) => `${name}: ${file} is not in the package`,
  )
  const bytes = Uint8Array.from(readFileSync(tarball)).buffer
  const { messages, pkg: packed } = await publint({ pack: { tarball: bytes }, strict: true })
  for (const message of messages) {
    if (message.type === 'suggestion') continue
    problems.push(`${name}: publint: ${formatMessage(message, packed, { color: false })}`)
  }
  const attw = ['--profile', 'esm-only', '--no-definitely-typed', '--format', 'ascii']
  try {
    run(join(ROOT, 'node_modules/.bin/attw'), [...attw, '--no-color', tarball], ROOT)
  } catch (error) {
    problems.push(`${name}: ${String(error)}`)
  }
  return problems
}

const packages = publicPackages()
const destination = mkdtempSync(join(tmpdir(), 'flyback-check-package-'))
try {
  const problems: string[] = []
  for (const pkg of packages) problems.push(...(await check(pkg, destination)))
  const names = packages.map(({ manifest }) => manifest.name).join(', ')
  finish('check-package', `${names}: publint and attw find nothing in the packed files`, problems)
} finally {
  rmSync(destination, { recursive: true })
}
