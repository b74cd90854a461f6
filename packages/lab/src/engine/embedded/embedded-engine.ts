import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Credentials, Engine, MemberPlace } from '../engine.js'
import { type Reaper, startReaper } from '../reaper-client.js'
import { unprivilegedAccount } from './account.js'
import { type Binaries, packagedBinaries, usableBinaries } from './binaries.js'
import { cloneCluster } from './clone-cluster.js'
import { EmbeddedMember } from './embedded-member.js'
import { initializeCluster } from './initialize-cluster.js'
import { createLabFolder, type LabFolder, own } from './lab-folder.js'
import type { Settings } from './settings.js'

export interface EmbeddedEngineOptions {
  readonly labNumber: number
  readonly credentials: Credentials
  readonly settings: Settings
  /** Where the binaries lie. @default the package for this platform */
  readonly native?: string
}

/** Runs the members from the Postgres binaries of the package registry, below one temp folder. */
export async function createEmbeddedEngine(options: EmbeddedEngineOptions): Promise<Engine> {
  const account = unprivilegedAccount()
  const native = options.native ?? packagedBinaries()
  const folder = await createLabFolder(options.labNumber, account, options.credentials)
  const reaper = startReaper(folder.path)
  try {
    const binaries = await usableBinaries(native, account, folder.native)
    return new EmbeddedEngine(options, binaries, folder, reaper)
  } catch (error) {
    await rm(folder.path, { recursive: true, force: true })
    await reaper.release()
    throw error
  }
}

class EmbeddedEngine implements Engine {
  readonly #options: EmbeddedEngineOptions
  readonly #binaries: Binaries
  readonly #folder: LabFolder
  readonly #reaper: Reaper
  readonly #members: EmbeddedMember[] = []

  constructor(
    options: EmbeddedEngineOptions,
    binaries: Binaries,
    folder: LabFolder,
    reaper: Reaper,
  ) {
    this.#options = options
    this.#binaries = binaries
    this.#folder = folder
    this.#reaper = reaper
  }

  member(place: MemberPlace): EmbeddedMember {
    const member = new EmbeddedMember(place, {
      postgres: this.#binaries.postgres,
      folder: this.#folder,
      credentials: this.#options.credentials,
    })
    this.#members.push(member)
    return member
  }

  async initialize(member: EmbeddedMember): Promise<void> {
    const { credentials, settings } = this.#options
    await this.#folder.memberFolder(member.region)
    await initializeCluster({
      initdb: this.#binaries.initdb,
      dataFolder: member.dataFolder,
      folder: this.#folder,
      credentials,
      settings,
    })
    await member.start()
  }

  async clone(source: EmbeddedMember, targets: readonly EmbeddedMember[]): Promise<void> {
    for (const target of targets) {
      await target.stop('immediate')
      await rm(target.dataFolder, { recursive: true, force: true })
      await this.#folder.memberFolder(target.region)
    }
    const label = await cloneCluster({
      source,
      targets: targets.map((target) => target.dataFolder),
      account: this.#folder.account,
      credentials: this.#options.credentials,
    })
    await Promise.all(
      targets.map(async (target) => {
        const file = join(target.dataFolder, 'backup_label')
        await writeFile(file, label, { mode: 0o600 })
        await own(file, this.#folder.account)
        await target.start('replica')
      }),
    )
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map((member) => member.stop('immediate')))
    await rm(this.#folder.path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 })
    await this.#reaper.release()
  }
}
