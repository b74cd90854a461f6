import { chmod, cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { unprivilegedAccount } from '../../src/engine/embedded/account.js'
import { packagedBinaries, usableBinaries } from '../../src/engine/embedded/binaries.js'
import { LabError } from '../../src/index.js'

const folders: string[] = []
const account = unprivilegedAccount()

afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true })
})

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'flyback-lab-test-'))
  folders.push(folder)
  await chmod(folder, 0o711)
  return folder
}

test('binaries that can be executed where they lie stay there', async () => {
  const copyTo = join(await newFolder(), 'native')
  const { postgres } = await usableBinaries(packagedBinaries(), undefined, copyTo)
  expect(postgres).toBe(join(packagedBinaries(), 'bin', 'postgres'))
})

test.runIf(account !== undefined)(
  'as root, binaries below a folder that other users cannot enter are copied',
  async () => {
    const closed = join(await newFolder(), 'home')
    await mkdir(closed, { mode: 0o700 })
    const native = join(closed, 'native')
    await cp(packagedBinaries(), native, { recursive: true, verbatimSymlinks: true })
    const copyTo = join(await newFolder(), 'native')
    const { postgres, initdb } = await usableBinaries(native, account, copyTo)
    expect(postgres).toBe(join(copyTo, 'bin', 'postgres'))
    expect(initdb).toBe(join(copyTo, 'bin', 'initdb'))
  },
)

test.runIf(process.platform === 'linux')(
  'libraries without their symlinks are reported with the remedy',
  async () => {
    const folder = await newFolder()
    const native = join(folder, 'native')
    const { lstatSync } = await import('node:fs')
    await cp(packagedBinaries(), native, {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !lstatSync(source).isSymbolicLink(),
    })
    const failure = usableBinaries(native, undefined, join(folder, 'copy'))
    await expect(failure).rejects.toThrow(LabError)
    await expect(failure).rejects.toThrow(/node scripts\/hydrate-symlinks\.js/)
  },
)
