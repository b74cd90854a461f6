import type { Duplex } from 'node:stream'
import type { Cluster } from './cluster.js'
import { createDatabase } from './databases.js'
import { describeMember } from './describe-member.js'
import type { MachineTable } from './edge/index.js'
import type { Edges } from './edges.js'
import type { Credentials, StopMode } from './engine/engine.js'
import { abandonUnreachable, clone, promote, start } from './failover.js'
import { freeze, resume } from './freeze.js'
import type {
  CreateDatabaseOptions,
  EnvOptions,
  Lab,
  LabDatabase,
  LabEndpoint,
  LabWan,
  Lag,
  Member,
  StartOptions,
} from './lab.js'
import { LabError } from './lab-error.js'
import type { Address } from './network/wan.js'
import type { RegionProxies } from './proxies.js'
import { caughtUp, lag } from './replication.js'
import { slow } from './slow.js'

export const DEFAULT_DATABASE = 'app'

export interface RunningLabParts {
  readonly number: number
  readonly cluster: Cluster
  readonly proxies: ReadonlyMap<string, RegionProxies>
  readonly edges: Edges
  readonly close: () => Promise<void>
}

/** The lab once it is up: each word of the interface, in a line or two. */
export class RunningLab implements Lab {
  readonly number: number
  readonly regions: readonly string[]
  readonly #cluster: Cluster
  readonly #proxies: ReadonlyMap<string, RegionProxies>
  readonly #edges: Edges
  readonly #close: () => Promise<void>
  #closed: Promise<void> | undefined

  constructor(parts: RunningLabParts) {
    this.number = parts.number
    this.regions = [...parts.cluster.members.keys()]
    this.#cluster = parts.cluster
    this.#proxies = parts.proxies
    this.#edges = parts.edges
    this.#close = parts.close
  }

  get primaryRegion(): string {
    return this.#cluster.primaryRegion
  }

  get credentials(): Credentials {
    return this.#cluster.credentials
  }

  get machines(): MachineTable {
    return this.#edges.machines
  }

  get wan(): LabWan {
    const { wan } = this.#cluster
    return {
      dial: (from: string, to: string, address: Address): Duplex =>
        wan.dial(this.member(from).region, this.member(to).region, address),
      tunnel: (from: string, to: string, address: Address): Duplex =>
        wan.tunnel(this.member(from).region, this.member(to).region, address),
      roundTripMs: (a, b) => wan.roundTripMs(this.member(a).region, this.member(b).region),
    }
  }

  member(region: string): Member {
    return describeMember(this.#cluster, region)
  }

  url(region: string, endpoint: LabEndpoint, database: string = DEFAULT_DATABASE): string {
    return this.#url(this.#address(region, endpoint), database)
  }

  env(region: string, options: EnvOptions = {}): Record<string, string> {
    const { database = DEFAULT_DATABASE, host } = options
    const url = (endpoint: LabEndpoint) => {
      const address = this.#address(region, endpoint)
      return this.#url({ host: host ?? address.host, port: address.port }, database)
    }
    return {
      FLY_APP_NAME: `flyback-lab-${this.number}`,
      FLY_MACHINE_ID: `${region}${this.number}`,
      FLY_REGION: region,
      PRIMARY_REGION: this.primaryRegion,
      DATABASE_URL: url('writer'),
      FLYBACK_REPLICA_URL: url('replica'),
    }
  }

  edgeUrl(region: string): string {
    return at(this.#edges.byRegion, this.#cluster.member(region).region).url
  }

  createDatabase(options: CreateDatabaseOptions = {}): Promise<LabDatabase> {
    return createDatabase(this.#cluster, this.url.bind(this), options)
  }

  caughtUp(region?: string): Promise<void> {
    return caughtUp(this.#cluster, region)
  }

  async stop(region: string, options: { readonly mode?: StopMode } = {}): Promise<void> {
    const member = this.#cluster.member(region)
    const { mode = 'fast' } = options
    if (region === this.primaryRegion && mode === 'fast') {
      abandonUnreachable(this.#cluster, this.#proxies)
    }
    await member.stop(mode)
    this.#cluster.frozen.delete(region)
  }

  start(region: string, options: StartOptions = {}): Promise<void> {
    return start(this.#cluster, region, options.as)
  }

  freeze(region: string): Promise<void> {
    return freeze(this.#cluster, region)
  }

  resume(region: string): Promise<void> {
    return resume(this.#cluster, region)
  }

  slow(region: string, delayMs: number): Promise<void> {
    return slow(this.#cluster, region, delayMs)
  }

  hang(region: string): void {
    const member = this.#cluster.member(region)
    if (!member.running) throw new LabError(`The member in '${region}' is stopped: start it first`)
    member.hang()
  }

  unhang(region: string): void {
    this.#cluster.member(region).unhang()
  }

  cut(region: string): void {
    this.#cluster.wan.cut(this.#cluster.member(region).region)
  }

  heal(region: string): void {
    this.#cluster.wan.heal(this.#cluster.member(region).region)
  }

  promote(region: string): Promise<void> {
    return promote(this.#cluster, this.#proxies, region)
  }

  clone(region: string): Promise<void> {
    return clone(this.#cluster, [region])
  }

  lag(region: string): Promise<Lag> {
    return lag(this.#cluster, region)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #address(region: string, endpoint: LabEndpoint): Address {
    const member = this.#cluster.member(region)
    if (endpoint === 'replica') return member
    return at(this.#proxies, region).writer
  }

  #url({ host, port }: Address, database: string): string {
    const { user, password } = this.credentials
    return `postgres://${user}:${password}@${host}:${port}/${encodeURIComponent(database)}`
  }
}

/** Of a map that has every region of the lab. */
function at<T>(map: ReadonlyMap<string, T>, region: string): T {
  const found = map.get(region)
  if (found === undefined) throw new LabError(`The lab has nothing of this kind in '${region}'`)
  return found
}
