import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { childrenOf, isAlive } from '../src/engine/embedded/processes.js'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))
const sources = file('../src/index.ts')
const built = file('../dist/index.js')

interface Owned {
  readonly owner: ChildProcess
  readonly processes: readonly number[]
  readonly folder: string
}

const labFolders = () =>
  new Set(readdirSync(tmpdir()).filter((name) => name.startsWith('flyback-lab-')))

function spawnOwner(
  entry: string,
  end: string,
  env: NodeJS.ProcessEnv = process.env,
): ChildProcessByStdio<null, Readable, null> {
  const hooks = file('./fixtures/typescript-sources.mjs')
  return spawn(
    process.execPath,
    ['--import', hooks, file('./fixtures/own-a-lab.mjs'), entry, end],
    { stdio: ['ignore', 'pipe', 'ignore'], env },
  )
}

/** A process that owns a lab; it ends in its own time if `end` says so. */
async function ownLab(entry: string, end: string): Promise<Owned> {
  const owner = spawnOwner(entry, end)
  const [line] = await once(createInterface({ input: owner.stdout }), 'line')
  // Our own fixture wrote the line.
  const { number, pids } = JSON.parse(String(line)) as { number: number; pids: number[] }
  const folder = [...labFolders()].find((name) => name.startsWith(`flyback-lab-${number}-`)) ?? ''
  return { owner, folder, processes: pids.flatMap((pid) => [pid, ...childrenOf(pid)]) }
}

async function expectNothingLeft({ processes, folder }: Owned): Promise<void> {
  await expect.poll(() => processes.filter(isAlive), { timeout: 10_000 }).toEqual([])
  await expect.poll(() => labFolders().has(folder), { timeout: 10_000 }).toBe(false)
}

test.each([
  ['sources', sources],
  ['build', built],
])('a killed owner leaves no process and no folder (%s)', async (_name, entry) => {
  if (entry === built && !existsSync(built)) throw new Error('Build @flyback/lab first: pnpm build')
  const owned = await ownLab(entry, 'stay')
  expect(owned.folder).not.toBe('')
  expect(owned.processes.length).toBeGreaterThan(4)
  owned.owner.kill('SIGKILL')
  await expectNothingLeft(owned)
})

test('an owner killed in the middle of the boot leaves nothing', async () => {
  // Other tests start labs beside this one: what is in a temp folder of its own is this one's.
  const temp = mkdtempSync(join(tmpdir(), 'flyback-boot-'))
  chmodSync(temp, 0o711)
  const owner = spawnOwner(sources, 'stay', { ...process.env, TMPDIR: temp })
  const exited = once(owner, 'exit')
  try {
    const isBooting = (): boolean =>
      readdirSync(temp).some((lab) => existsSync(join(temp, lab, 'members/ewr/data/PG_VERSION')))
    await expect.poll(isBooting, { timeout: 20_000, interval: 10 }).toBe(true)
    owner.kill('SIGKILL')
    await expect.poll(() => readdirSync(temp), { timeout: 10_000 }).toEqual([])
  } finally {
    owner.kill('SIGKILL')
    await exited
    rmSync(temp, { recursive: true })
  }
})

test('a killed owner leaves nothing either when a member hangs', async () => {
  const owned = await ownLab(sources, 'hung')
  owned.owner.kill('SIGKILL')
  await expectNothingLeft(owned)
})

test('an owner that ends by itself without closing leaves nothing', async () => {
  const owned = await Promise.all([ownLab(sources, 'throw'), ownLab(sources, 'exit')])
  for (const one of owned) await expectNothingLeft(one)
})

test('a closed lab does not keep its process alive', async () => {
  const owned = await ownLab(sources, 'close')
  if (owned.owner.exitCode === null) await once(owned.owner, 'exit')
  expect(owned.owner.exitCode).toBe(0)
  expect(labFolders().has(owned.folder)).toBe(false)
  expect(owned.processes.filter(isAlive)).toEqual([])
})
