import type { Duplex } from 'node:stream'
import type { MachineTable } from './edge/index.js'
import type { Credentials, MemberRole, StopMode } from './engine/engine.js'
import type { Address } from './network/wan.js'

/** `writer` always reaches the primary; `replica` reaches the member of the region, directly. */
export type LabEndpoint = 'writer' | 'replica'

/** Several regions of real Postgres on this machine. It ends with `close()`, `await using`, or the process. */
export interface Lab extends AsyncDisposable {
  /** Which of the labs on this machine: the second byte of its addresses, 127.<number>.<region>.1. */
  readonly number: number
  readonly regions: readonly string[]
  /** Where the primary is, or was last. Follows `promote`. */
  readonly primaryRegion: string
  /** The superuser of all members. Not enumerable. */
  readonly credentials: Credentials
  /** @throws {@link LabError} for a region the lab does not have; so do all methods that take one */
  member(region: string): Member
  /**
   * The URL of an endpoint as seen from a region. It holds the password.
   * @param database @default 'app'
   */
  url(region: string, endpoint: LabEndpoint, database?: string): string
  /** The environment an app in a region has on Fly, with the replica endpoint spelled out. */
  env(region: string, options?: EnvOptions): Record<string, string>
  /** The edge proxy of a region, without a slash at the end: where a visitor there comes in. */
  edgeUrl(region: string): string
  /** The app servers that the edge proxies know. Apps are added, and taken out, by whoever runs them. */
  readonly machines: MachineTable
  /** Creates a database; resolves when the replicas that can have it too (see `caughtUp`). */
  createDatabase(options?: CreateDatabaseOptions): Promise<LabDatabase>
  /**
   * Resolves when a replica has replayed what the primary had flushed when this was called; without a region, when all
   * have that are running and neither frozen, hung nor cut off.
   * @throws {@link LabError} after 10 s, or at once when the region named cannot catch up
   */
  caughtUp(region?: string): Promise<void>
  /** Stops a member. The primary stays primary: nobody takes over. @param options.mode @default 'fast' */
  stop(region: string, options?: { readonly mode?: StopMode }): Promise<void>
  /**
   * Starts a stopped member; one that was the primary before a `promote` comes back as a fresh replica, or with all
   * that it had, on its old timeline, as the role in `as`.
   */
  start(region: string, options?: StartOptions): Promise<void>
  /** Stops replay on a replica; it still receives, and answers from the past. */
  freeze(region: string): Promise<void>
  /** Ends `freeze`. */
  resume(region: string): Promise<void>
  /**
   * Lets a replica replay each commit this much later than it was committed; 0 ends it. A clone and a promotion end it
   * too. @param delayMs up to 8000
   */
  slow(region: string, delayMs: number): Promise<void>
  /** Stops the processes of a member where they are: connections open, and nothing is said on them. */
  hang(region: string): void
  /** Ends `hang`. */
  unhang(region: string): void
  /** Cuts a region off: what crosses into or out of it waits, new connections too. Inside, all goes on. */
  cut(region: string): void
  /** Ends `cut`: what waited arrives. */
  heal(region: string): void
  /**
   * Fails over: stops the primary, makes the member of this region the primary, and lets writer proxies and replicas
   * follow. Resolves when the replicas that can have followed.
   */
  promote(region: string): Promise<void>
  /** Makes a replica anew from the running primary. */
  clone(region: string): Promise<void>
  /** How far a replica is behind the primary, as an observer of both at once sees it. */
  lag(region: string): Promise<Lag>
  readonly wan: LabWan
  /** Ends everything and removes all files. A second call waits for the first. */
  close(): Promise<void>
}

/** One Postgres server of the lab, as it is at the moment. */
export interface Member extends Address {
  readonly region: string
  readonly running: boolean
  readonly frozen: boolean
  /** By how much its replay is delayed; 0 when it is not slow. */
  readonly delayMs: number
  readonly hung: boolean
  readonly cut: boolean
  /** The postmaster's process id while it is running. */
  readonly pid: number | undefined
  /** Asks the server. */
  role(): Promise<MemberRole>
}

export interface StartOptions {
  /**
   * For a member that lost a `promote`: comes back as it was, outside the cluster, until `clone`. As `primary` it takes
   * writes that nobody else has; as `replica` it follows the new primary if nothing of its own is in the way, and else
   * answers from a past that was lost. Writer proxies do not lead to it: its replica endpoint does.
   * @default a fresh replica
   */
  readonly as?: MemberRole
}

export interface EnvOptions {
  /** @default 'app' */
  readonly database?: string
  /** Another name for the region's address, in both URLs. */
  readonly host?: string
}

export interface CreateDatabaseOptions {
  /** @default a new name */
  readonly name?: string
  /** A database that nobody is connected to. @default 'template1' */
  readonly template?: string
}

export interface LabDatabase extends AsyncDisposable {
  readonly name: string
  url(region: string, endpoint: LabEndpoint): string
  /** Drops it, and ends the connections to it. A second call does nothing. */
  drop(): Promise<void>
}

export interface Lag {
  /** Flushed on the primary and not replayed yet. */
  readonly bytes: number
  /** The age of the last replayed transaction, 0 when nothing is missing, `null` when none was replayed yet. */
  readonly milliseconds: number | null
}

/** The network between the regions. */
export interface LabWan {
  /** A TCP connection that pays the distance, handshake included, and goes silent while either region is cut off. */
  dial(fromRegion: string, toRegion: string, address: Address): Duplex
  /** As `dial`, over a connection the regions keep open between them: the handshake costs nothing. */
  tunnel(fromRegion: string, toRegion: string, address: Address): Duplex
  /** The round trip that is paid now, in milliseconds. */
  roundTripMs(a: string, b: string): number
}
