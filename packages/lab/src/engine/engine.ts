import type { Address } from '../network/wan.js'

export interface Credentials {
  readonly user: string
  readonly password: string
}

export type MemberRole = 'primary' | 'replica'

/** How a member is brought down: `fast` says goodbye, `immediate` is a crash, `kill` takes the postmaster alone. */
export type StopMode = 'fast' | 'immediate' | 'kill'

/** Where a member lives. */
export interface MemberPlace extends Address {
  readonly region: string
  /** Where its replication connects to: always leads to the present primary. */
  readonly upstream: Address
}

/** One Postgres server. It keeps its identity when it is stopped, started or cloned anew. */
export interface EngineMember extends MemberPlace {
  /** Whether its process is there; also while it hangs. */
  readonly running: boolean
  readonly hung: boolean
  /** The postmaster's process id while it is running. */
  readonly pid: number | undefined
  /** Resolves when it accepts connections. @param as whatever it was when it stopped, by default */
  start(as?: MemberRole): Promise<void>
  /** Resolves when all its processes are gone. */
  stop(mode: StopMode): Promise<void>
  /** Stops its processes where they are: connections are accepted by the kernel and nothing is said. */
  hang(): void
  unhang(): void
  /** Makes a replica the primary; resolves when it is writable. */
  promote(): Promise<void>
}

/**
 * What runs the members. It knows nothing of distances, proxies and faults of the network; those lie in front of it.
 */
export interface Engine {
  /** A member that does not exist on disk yet. */
  member(place: MemberPlace): EngineMember
  /** Creates an empty cluster in the member and starts it as the primary. */
  initialize(member: EngineMember): Promise<void>
  /** Makes the members replicas of a running primary, whatever they were before, and starts them. */
  clone(source: EngineMember, targets: readonly EngineMember[]): Promise<void>
  /** Ends all members and removes all files. */
  close(): Promise<void>
}
