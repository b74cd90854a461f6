import { type Lab, type LabDatabase, startLab } from '@flyback/lab'
import pg from 'pg'
import { type App, createApp } from './app.ts'
import type { Serve } from './edge.ts'
import { killCommitting } from './kill-committing.ts'
import { SCHEMA } from './operations.ts'
import { serve } from './serve.ts'

export interface WorldOptions {
  /** Whether tokens are carried. */
  readonly token?: boolean
  /** How long a read waits for its replica. */
  readonly maxWaitMs?: number
  readonly maxFallbacks?: number
  /** Of the level `within`. */
  readonly withinMs?: number
  /** What the apps are behind, besides Flyback. */
  readonly wrap?: (serve: Serve) => Serve
}

/** Few fallbacks, so that some requests meet the cap. */
const DEFAULTS = { token: true, maxWaitMs: 30, maxFallbacks: 8, withinMs: 60 }
const REGIONS = ['ewr', 'iad', 'syd']
/** Commits are acknowledged once they are flushed, except where one waits for a standby that does not exist. */
const SETTINGS = { synchronous_standby_names: 'nobody', synchronous_commit: 'local' }
const END_APPS_MS = 2000

/** A lab with an app in each region, used by one run after another. */
export class World implements AsyncDisposable {
  readonly lab: Lab
  readonly serving: ReadonlyMap<string, Serve>
  #options: typeof DEFAULTS & WorldOptions = DEFAULTS
  readonly #database: LabDatabase
  readonly #apps: App[] = []
  readonly #serving = new Map<string, Serve>()
  readonly #cut = new Set<string>()
  /** Members that came back with a history that has ended. */
  readonly #outdated = new Set<string>()

  private constructor(lab: Lab, database: LabDatabase) {
    this.lab = lab
    this.#database = database
    this.serving = this.#serving
  }

  static async open(): Promise<World> {
    const lab = await startLab({ regions: REGIONS, distanceScale: 0, settings: SETTINGS })
    const database = await lab.createDatabase()
    const world = new World(lab, database)
    await world.query(lab.primaryRegion, SCHEMA)
    return world
  }

  get withinMs(): number {
    return this.#options.withinMs
  }

  /** What the apps are like from the next deployment on. */
  use(options: WorldOptions = {}): void {
    this.#options = { ...DEFAULTS, ...options }
  }

  /** The regions as a plan numbers them: the one with the primary first. */
  places(): string[] {
    const { primaryRegion, regions } = this.lab
    return [primaryRegion, ...regions.filter((region) => region !== primaryRegion)]
  }

  cut(region: string): void {
    this.lab.cut(region)
    this.#cut.add(region)
  }

  heal(region: string): void {
    this.lab.heal(region)
    this.#cut.delete(region)
  }

  reaches(from: string, to: string): boolean {
    return from === to || !(this.#cut.has(from) || this.#cut.has(to))
  }

  /** Starts the primary that lost a failover with all that it had. */
  async startAsItWas(region: string, as: 'replica' | 'primary'): Promise<void> {
    this.#outdated.add(region)
    await this.lab.start(region, { as })
  }

  /** Asks the member of a region. */
  async query(region: string, text: string, values: unknown[] = []): Promise<pg.QueryResult> {
    const client = new pg.Client({ connectionString: this.#database.url(region, 'replica') })
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.query(text, values)
    } finally {
      await client.end()
    }
  }

  /** Makes all faults undone: everybody is up, whole and has caught up. */
  async mend(): Promise<void> {
    const lab = this.lab
    for (const region of lab.regions) this.heal(region)
    for (const region of lab.regions) {
      if (!lab.member(region).running) await lab.start(region)
      else if (this.#outdated.has(region) && region !== lab.primaryRegion) await lab.clone(region)
    }
    this.#outdated.clear()
    for (const region of lab.regions) {
      if (region === lab.primaryRegion) continue
      const { frozen, delayMs } = lab.member(region)
      if (frozen) await lab.resume(region)
      if (delayMs > 0) await lab.slow(region, 0)
      await lab.caughtUp(region).catch(() => lab.clone(region))
    }
    await lab.caughtUp()
  }

  /** Starts all apps anew. */
  async deploy(): Promise<void> {
    await this.#endApps()
    const { wrap = (own: Serve) => own } = this.#options
    for (const region of this.lab.regions) {
      const env = this.lab.env(region, { database: this.#database.name })
      const app = createApp({
        ...this.#options,
        env,
        killCommitting: (backend) => killCommitting(this, backend),
      })
      this.#apps.push(app)
      this.#serving.set(region, wrap(serve(app, { ...this.#options, env })))
    }
  }

  async #endApps(): Promise<void> {
    const apps = this.#apps.splice(0)
    const ended = Promise.all(apps.map((app) => app[Symbol.asyncDispose]()))
    // A connection into nowhere ends when the lab does.
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, END_APPS_MS))])
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const region of this.lab.regions) this.heal(region)
    await this.#endApps()
    await this.lab.close()
  }
}
