import type pg from 'pg'
import type { Credentials, Engine, EngineMember } from './engine/engine.js'
import { LabError } from './lab-error.js'
import type { Wan } from './network/wan.js'
import { type ConnectOptions, withClient } from './postgres-client.js'

/** What a lab knows of its members. */
export class Cluster {
  readonly engine: Engine
  readonly wan: Wan
  readonly credentials: Credentials
  readonly members: Map<string, EngineMember> = new Map()
  /** Replicas whose replay is paused. */
  readonly frozen: Set<string> = new Set()
  /** Replicas whose replay is delayed, and by how many milliseconds. */
  readonly slow: Map<string, number> = new Map()
  /** Members whose history has ended: a new clone brings them back, or `start` as what they were. */
  readonly outdated: Set<string> = new Set()
  primaryRegion: string
  /** Whether somebody is the primary: nobody is in the middle of a failover. */
  hasPrimary = true

  constructor(engine: Engine, wan: Wan, credentials: Credentials, primaryRegion: string) {
    this.engine = engine
    this.wan = wan
    this.credentials = credentials
    this.primaryRegion = primaryRegion
  }

  member(region: string): EngineMember {
    const member = this.members.get(region)
    if (member !== undefined) return member
    throw new LabError(
      `The lab has no region '${region}', its regions are ${[...this.members.keys()].join(', ')}`,
    )
  }

  get primary(): EngineMember {
    return this.member(this.primaryRegion)
  }

  /** @throws {@link LabError} unless the region has a replica that is running */
  runningReplica(region: string): EngineMember {
    const member = this.member(region)
    if (region === this.primaryRegion)
      throw new LabError(`'${region}' has the primary, not a replica`)
    if (!member.running) throw new LabError(`The replica in '${region}' is stopped: start it first`)
    return member
  }

  /** The replicas that are running. */
  replicas(): EngineMember[] {
    return [...this.members.values()].filter(
      (member) => member.region !== this.primaryRegion && member.running,
    )
  }

  /** Why the member cannot catch up for now, if so. */
  heldBack(region: string): string | undefined {
    if (this.member(region).hung) return `it hangs: unhang('${region}') first`
    if (this.outdated.has(region)) return `its history has ended: clone('${region}') first`
    if (this.frozen.has(region)) return `its replay is frozen: resume('${region}') first`
    const cut = [region, this.primaryRegion].find((end) => this.wan.isCut(end))
    return cut === undefined ? undefined : `'${cut}' is cut off: heal('${cut}') first`
  }

  /** Talks to the member of a region directly. */
  async connect<T>(
    region: string,
    use: (client: pg.Client) => Promise<T>,
    options?: ConnectOptions,
  ): Promise<T> {
    const member = this.member(region)
    if (!member.running) throw new LabError(`The member in '${region}' is stopped: start it first`)
    if (member.hung) throw new LabError(`The member in '${region}' hangs: unhang it first`)
    return withClient(member, this.credentials, use, options)
  }
}
