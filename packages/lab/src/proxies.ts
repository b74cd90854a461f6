import type { Cluster } from './cluster.js'
import { Relay, type RelayTarget } from './network/relay.js'
import type { Wan } from './network/wan.js'

export interface RegionProxies {
  /** What the writer endpoint of the region is: always the primary, wherever it is. */
  readonly writer: Relay
  /** Where the replication of the region's member connects to. */
  readonly replication: Relay
}

export interface StartProxiesOptions {
  readonly region: string
  readonly host: string
  /** Whether to try the usual ports: 5432 as on Fly, 5434 for replication. */
  readonly usualPorts: boolean
  readonly wan: Wan
  readonly cluster: Cluster
}

export async function startRegionProxies(options: StartProxiesOptions): Promise<RegionProxies> {
  const { region, host, usualPorts, wan, cluster } = options
  const target = (): RelayTarget | undefined =>
    cluster.hasPrimary && cluster.primary.running ? cluster.primary : undefined
  const relay = (port: number) =>
    Relay.start({ region, host, wan, target, port: usualPorts ? port : 0 })
  return { writer: await relay(5432), replication: await relay(5434) }
}
