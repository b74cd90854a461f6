import { appendFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../../lab-error.js'
import type { Credentials } from '../engine.js'
import { type LabFolder, own } from './lab-folder.js'
import { run } from './run.js'
import { configurationFile, HBA_FILE, type Settings } from './settings.js'

export interface InitializeOptions {
  readonly initdb: string
  readonly dataFolder: string
  readonly folder: LabFolder
  readonly credentials: Credentials
  readonly settings: Settings
}

/** Creates an empty cluster whose one superuser has the password. */
export async function initializeCluster(options: InitializeOptions): Promise<void> {
  const { credentials, dataFolder, folder } = options
  const passwordFile = join(folder.path, 'initdb-password')
  await writeFile(passwordFile, credentials.password, { mode: 0o600 })
  await own(passwordFile, folder.account)
  const args = [
    `--pgdata=${dataFolder}`,
    `--username=${credentials.user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--locale=C.UTF-8',
    // 1 MB instead of 16: a member takes a third of the disk (measured 2026-11).
    '--wal-segsize=1',
    '--no-sync',
    '--no-instructions',
  ]
  const result = await run(options.initdb, args, folder.account)
  await rm(passwordFile, { force: true })
  if (result.code !== 0) {
    throw new LabError(`initdb failed (${result.code}):\n${result.output.trim()}`)
  }
  await appendFile(join(dataFolder, 'postgresql.conf'), configurationFile(options.settings))
  await writeFile(join(dataFolder, 'pg_hba.conf'), HBA_FILE)
}
