import type { Address } from '../../network/wan.js'
import { withClient } from '../../postgres-client.js'
import type { Credentials } from '../engine.js'
import type { Account } from './account.js'
import { copyCluster } from './copy-cluster.js'

export interface CloneOptions {
  readonly source: Address & { readonly dataFolder: string }
  /** Data folders that do not exist yet. */
  readonly targets: readonly string[]
  readonly account: Account | undefined
  readonly credentials: Credentials
}

const BACKUP_TIMEOUT_MS = 60_000

/**
 * Copies a running primary, and returns the text of the `backup_label` that each copy needs to start from. The package
 * has no pg_basebackup; start and stop of the backup belong to one session.
 *
 * @see https://www.postgresql.org/docs/18/continuous-archiving.html#BACKUP-LOWLEVEL-BASE-BACKUP
 */
export async function cloneCluster(options: CloneOptions): Promise<string> {
  const { source, targets, account, credentials } = options
  return withClient(
    source,
    credentials,
    async (client) => {
      await client.query("select pg_backup_start('flyback lab', fast => true)")
      for (const target of targets) await copyCluster(source.dataFolder, target, account)
      const { rows } = await client.query<{ labelfile: string }>(
        'select labelfile from pg_backup_stop(wait_for_archive => false)',
      )
      return rows[0]?.labelfile ?? ''
    },
    { timeoutMs: BACKUP_TIMEOUT_MS },
  )
}
