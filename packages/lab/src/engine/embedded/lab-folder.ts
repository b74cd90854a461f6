import { statSync } from 'node:fs'
import { chmod, chown, mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { LabError } from '../../lab-error.js'
import type { Credentials } from '../engine.js'
import type { Account } from './account.js'

/** The one folder of a lab: everything it writes lies below. */
export interface LabFolder {
  readonly path: string
  readonly account: Account | undefined
  /** libpq's password file, for replication: no password in settings, logs or `ps`. */
  readonly passwordFile: string
  readonly native: string
  /** Creates the folder of a member when it is missing, owned by the account. */
  readonly memberFolder: (region: string) => Promise<string>
}

export async function createLabFolder(
  labNumber: number,
  account: Account | undefined,
  credentials: Credentials,
): Promise<LabFolder> {
  const path = await mkdtemp(join(enterableTempFolder(account), `flyback-lab-${labNumber}-`))
  if (account !== undefined) await chmod(path, 0o711)
  await mkdir(join(path, 'members'), { mode: 0o711 })
  const passwordFile = join(path, 'pgpass')
  await writeFile(passwordFile, `*:*:*:${credentials.user}:${credentials.password}\n`, {
    mode: 0o600,
  })
  await own(passwordFile, account)
  return {
    path,
    account,
    passwordFile,
    native: join(path, 'native'),
    memberFolder: async (region) => {
      const folder = join(path, 'members', region)
      await mkdir(folder, { mode: 0o700, recursive: true })
      await own(folder, account)
      return folder
    },
  }
}

export async function own(path: string, account: Account | undefined): Promise<void> {
  if (account !== undefined) await chown(path, account.uid, account.gid)
}

/** The first temp folder that the account can reach; ours may be private to root. */
function enterableTempFolder(account: Account | undefined): string {
  const candidates = [tmpdir(), '/tmp', '/var/tmp']
  if (account === undefined) return tmpdir()
  const found = candidates.find(isEnterableByOthers)
  if (found !== undefined) return found
  throw new LabError(
    `None of ${candidates.join(', ')} can be entered by the user that Postgres runs as: set TMPDIR to one that can`,
  )
}

function isEnterableByOthers(folder: string): boolean {
  try {
    const enterable = (statSync(folder).mode & 0o001) !== 0
    return enterable && (folder === '/' || isEnterableByOthers(dirname(folder)))
  } catch {
    return false
  }
}
