import { randomBytes } from 'node:crypto'
import { Cluster } from './cluster.js'
import { startEdges } from './edges.js'
import { createEmbeddedEngine } from './engine/embedded/embedded-engine.js'
import type { Lab } from './lab.js'
import { claimLabNumber, type LabNumber } from './network/lab-number.js'
import { freePort } from './network/listen.js'
import { Wan } from './network/wan.js'
import { type LabOptions, type LabPlan, planLab } from './options.js'
import { type RegionProxies, startRegionProxies } from './proxies.js'
import { DEFAULT_DATABASE, RunningLab } from './running-lab.js'

/**
 * Starts several regions of real Postgres on this machine: a primary, a replica in every other region, and a writer
 * proxy in each, with the distances between them.
 *
 * Needs nothing installed and no root; as root, Postgres runs as `postgres` or `nobody`. All of it ends with the
 * process, even when that is killed. Labs do not disturb each other.
 *
 * @example
 * await using lab = await startLab({ regions: ['ewr', 'iad', 'syd'] })
 * const pool = new Pool({ connectionString: lab.url('iad', 'replica') })
 * @throws {@link LabError} for options that cannot be, and when Postgres does not start
 */
export async function startLab(options: LabOptions): Promise<Lab> {
  const plan = planLab(options)
  const startedMs = performance.now()
  const step = (text: string) => {
    options.signal?.throwIfAborted()
    options.onProgress?.({ text, atMs: Math.round(performance.now() - startedMs) })
  }
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    const failures: unknown[] = []
    for (const closer of closers.splice(0).toReversed()) {
      await closer().catch((error: unknown) => failures.push(error))
    }
    if (failures.length > 0) throw new AggregateError(failures, 'The lab did not close cleanly')
  }
  try {
    return await boot(plan, step, closers, close)
  } catch (error) {
    await close()
    throw error
  }
}

async function boot(
  plan: LabPlan,
  step: (text: string) => void,
  closers: (() => Promise<void>)[],
  close: () => Promise<void>,
): Promise<Lab> {
  step('taking a lab number')
  const lab = await claimLabNumber(plan.regions.length)
  closers.push(lab.release)
  const credentials = { user: 'flyback', password: randomBytes(18).toString('base64url') }
  const engine = await createEmbeddedEngine({
    labNumber: lab.number,
    credentials,
    settings: plan.settings,
  })
  closers.push(() => engine.close())
  // Distances are off until all are up: a clone over 200 ms takes 20 s (measured 2026-11).
  const wan = new Wan(plan.roundTripMs)
  closers.push(async () => wan.close())
  const cluster = new Cluster(engine, wan, credentials, plan.primary)
  const proxies = await startProxies(plan, lab, cluster, closers)

  step(`${plan.primary}: creating the primary`)
  await engine.initialize(cluster.primary)
  await cluster.connect(plan.primary, (client) =>
    client.query(`create database ${DEFAULT_DATABASE}`),
  )

  const replicas = [...cluster.members.values()].filter((member) => member !== cluster.primary)
  if (replicas.length > 0) {
    step(`${replicas.map((member) => member.region).join(', ')}: cloning`)
    await engine.clone(cluster.primary, replicas)
  }
  wan.setScale(plan.distanceScale)
  const edges = await startEdges({
    regions: plan.regions,
    lab,
    wan,
    switches: plan.edge,
    onRequest: plan.onRequest,
  })
  closers.push(async () => {
    await Promise.all([...edges.byRegion.values()].map((edge) => edge.close()))
  })
  step('up')
  return new RunningLab({ number: lab.number, cluster, proxies, edges, close })
}

async function startProxies(
  plan: LabPlan,
  lab: LabNumber,
  cluster: Cluster,
  closers: (() => Promise<void>)[],
): Promise<ReadonlyMap<string, RegionProxies>> {
  const proxies = new Map<string, RegionProxies>()
  for (const [index, region] of plan.regions.entries()) {
    const host = lab.host(index + 1)
    const regionProxies = await startRegionProxies({
      region,
      host,
      usualPorts: lab.ownAddresses,
      wan: cluster.wan,
      cluster,
    })
    proxies.set(region, regionProxies)
    closers.push(async () => {
      await Promise.all([regionProxies.writer.close(), regionProxies.replication.close()])
    })
    const port = await freePort(host, lab.ownAddresses ? 5433 : 0)
    const { replication } = regionProxies
    const upstream = { host: replication.host, port: replication.port }
    cluster.members.set(region, cluster.engine.member({ region, host, port, upstream }))
  }
  return proxies
}
