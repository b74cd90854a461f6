import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LabError } from '../../lab-error.js'
import type { Address } from '../../network/wan.js'
import { withClient } from '../../postgres-client.js'
import type { Credentials, EngineMember, MemberPlace, MemberRole, StopMode } from '../engine.js'
import { type LabFolder, own } from './lab-folder.js'
import { PostgresProcess } from './postgres-process.js'
import { commandLine } from './settings.js'

export interface EmbeddedMemberOptions {
  readonly postgres: string
  readonly folder: LabFolder
  readonly credentials: Credentials
}

const PROMOTE_TIMEOUT_SECONDS = 30

export class EmbeddedMember implements EngineMember {
  readonly region: string
  readonly host: string
  readonly port: number
  readonly upstream: Address
  readonly dataFolder: string
  readonly #process: PostgresProcess
  readonly #credentials: Credentials
  readonly #folder: LabFolder

  constructor(place: MemberPlace, options: EmbeddedMemberOptions) {
    this.region = place.region
    this.host = place.host
    this.port = place.port
    this.upstream = place.upstream
    this.#credentials = options.credentials
    this.#folder = options.folder
    const memberFolder = join(options.folder.path, 'members', place.region)
    this.dataFolder = join(memberFolder, 'data')
    this.#process = new PostgresProcess({
      region: place.region,
      postgres: options.postgres,
      account: options.folder.account,
      dataFolder: this.dataFolder,
      logFile: join(memberFolder, 'postgres.log'),
      args: commandLine(place, options.credentials.user, options.folder.passwordFile),
    })
  }

  get running(): boolean {
    return this.#process.pid !== undefined
  }

  get hung(): boolean {
    return this.#process.hung
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  async start(as?: MemberRole): Promise<void> {
    const standbySignal = join(this.dataFolder, 'standby.signal')
    if (as === 'primary') await rm(standbySignal, { force: true })
    if (as === 'replica') {
      await writeFile(standbySignal, '', { mode: 0o600 })
      await own(standbySignal, this.#folder.account)
    }
    await this.#process.start()
  }

  stop(mode: StopMode): Promise<void> {
    return this.#process.stop(mode)
  }

  hang(): void {
    this.#process.hang()
  }

  unhang(): void {
    this.#process.unhang()
  }

  async promote(): Promise<void> {
    const timeoutMs = (PROMOTE_TIMEOUT_SECONDS + 5) * 1000
    const promoted = await withClient(
      this,
      this.#credentials,
      async (client) => {
        const sql = 'select pg_promote(true, $1) as promoted'
        const { rows } = await client.query<{ promoted: boolean }>(sql, [PROMOTE_TIMEOUT_SECONDS])
        return rows[0]?.promoted
      },
      { timeoutMs },
    )
    if (promoted !== true) {
      throw new LabError(
        `${this.region} did not become the primary within ${PROMOTE_TIMEOUT_SECONDS} s: see its log`,
      )
    }
  }
}
