import { constants } from 'node:fs'
import { copyFile, mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from './account.js'
import { own } from './lab-folder.js'

/** Per server, not per cluster: their contents are left out, as pg_basebackup does (basebackup.c, excludeDirContents). */
const EMPTY_FOLDERS = new Set([
  'pg_wal',
  'pg_replslot',
  'pg_dynshmem',
  'pg_notify',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans',
])

const SKIPPED_FILES =
  /^(postmaster\.(pid|opts)|backup_label|tablespace_map|standby\.signal|recovery\.signal|pgsql_tmp.*|pg_internal\.init.*)$/

/** Copied after everything else, as pg_basebackup does. */
const CONTROL_FILE = 'pg_control'

/** Copies the data folder of a running server between `pg_backup_start` and `pg_backup_stop`. */
export async function copyCluster(
  from: string,
  to: string,
  account: Account | undefined,
): Promise<void> {
  await copyFolder(from, to, account, true)
  await copyEntry(join(from, 'global', CONTROL_FILE), join(to, 'global', CONTROL_FILE), account)
  for (const folder of ['archive_status', 'summaries']) {
    await makeFolder(join(to, 'pg_wal', folder), account)
  }
}

async function copyFolder(
  from: string,
  to: string,
  account: Account | undefined,
  top: boolean,
): Promise<void> {
  await makeFolder(to, account)
  const files: string[] = []
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const { name } = entry
    if (!entry.isDirectory()) {
      if (!SKIPPED_FILES.test(name) && name !== CONTROL_FILE) files.push(name)
    } else if (top && EMPTY_FOLDERS.has(name)) await makeFolder(join(to, name), account)
    else await copyFolder(join(from, name), join(to, name), account, false)
  }
  // A few at a time: Node has four threads for files.
  while (files.length > 0) {
    const some = files.splice(0, 8)
    await Promise.all(some.map((name) => copyEntry(join(from, name), join(to, name), account)))
  }
}

async function copyEntry(from: string, to: string, account: Account | undefined): Promise<void> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE)
  } catch (error) {
    // A table dropped meanwhile: the log that the clone replays drops it too.
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return
    throw error
  }
  await own(to, account)
}

async function makeFolder(path: string, account: Account | undefined): Promise<void> {
  await mkdir(path, { mode: 0o700 })
  await own(path, account)
}
