import type { EdgeRecord, EdgeSwitches } from './edge/index.js'
import { LabError } from './lab-error.js'
import { greatCircleRoundTripMs } from './network/distances.js'

export interface LabOptions {
  /** The regions, each with one member. The first is the primary's, unless `primary` says otherwise. */
  readonly regions: readonly string[]
  /** The region the primary starts in. @default regions[0] */
  readonly primary?: string
  /**
   * Round trips between regions in milliseconds, by pair in either order: `{ 'ewr-iad': 7 }`. Needed for regions that
   * are not Fly's. @default the great circle at the speed of light in fibre, times 1.3
   */
  readonly distances?: Readonly<Record<string, number>>
  /** Multiplies all distances; 0 switches them off. @default 1 */
  readonly distanceScale?: number
  /** Postgres settings for every member, as in postgresql.conf. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
  /** What Fly's documents leave open about its proxy. */
  readonly edge?: EdgeSwitches
  /** Told of each request that an edge proxy has finished. */
  readonly onRequest?: (record: EdgeRecord) => void
  /** Gives up the boot, and leaves nothing behind. It has no effect on a lab that is up. */
  readonly signal?: AbortSignal
  /** Told of each step of the boot. */
  readonly onProgress?: (step: LabStep) => void
}

/** A step of the boot, for humans. */
export interface LabStep {
  readonly text: string
  /** Milliseconds since the boot began. */
  readonly atMs: number
}

/** The options, checked and complete. */
export interface LabPlan {
  readonly regions: readonly string[]
  readonly primary: string
  readonly distanceScale: number
  readonly settings: Readonly<Record<string, string | number | boolean>>
  /** Total on pairs of `regions`. */
  readonly roundTripMs: (a: string, b: string) => number
  readonly edge: EdgeSwitches
  readonly onRequest: (record: EdgeRecord) => void
}

/** Each region takes one byte of the address. */
const MAX_REGIONS = 250

/** What the lab itself sets, for each member differently. */
const OWN_SETTINGS = new Set([
  'cluster_name',
  'config_file',
  'data_directory',
  'hba_file',
  'listen_addresses',
  'port',
  'primary_conninfo',
  'unix_socket_directories',
])

/** @throws {@link LabError} naming the option and the value that cannot be */
export function planLab(options: LabOptions): LabPlan {
  const regions = [...options.regions]
  const [first] = regions
  if (first === undefined) throw new LabError('regions is empty: name at least one region')
  if (regions.length > MAX_REGIONS)
    throw new LabError(`regions has more than ${MAX_REGIONS} entries`)
  for (const [index, region] of regions.entries()) {
    if (!/^[a-z][a-z0-9]{1,15}$/.test(region)) {
      throw new LabError(
        `regions: '${region}' is not a region name (a letter, then 1 to 15 of a-z and 0-9)`,
      )
    }
    if (regions.indexOf(region) !== index) throw new LabError(`regions: '${region}' is there twice`)
  }
  const primary = options.primary ?? first
  if (!regions.includes(primary)) {
    throw new LabError(`primary: '${primary}' is not one of the regions (${regions.join(', ')})`)
  }
  const distanceScale = options.distanceScale ?? 1
  if (!isDistance(distanceScale)) {
    throw new LabError(`distanceScale: ${distanceScale} is not a number from 0 up`)
  }
  const settings = { ...options.settings }
  for (const [name, value] of Object.entries(settings)) checkSetting(name, value)
  return {
    regions,
    primary,
    distanceScale,
    settings,
    roundTripMs: planDistances(regions, options),
    edge: options.edge ?? {},
    onRequest: options.onRequest ?? (() => {}),
  }
}

function planDistances(
  regions: readonly string[],
  { distances = {} }: LabOptions,
): (a: string, b: string) => number {
  for (const [pair, roundTripMs] of Object.entries(distances)) {
    const ends = pair.split('-')
    const stranger = ends.find((end) => !regions.includes(end))
    if (ends.length !== 2 || stranger !== undefined || ends[0] === ends[1]) {
      throw new LabError(
        `distances: '${pair}' is not a pair of the regions (${regions.join(', ')}), as in 'ewr-iad'`,
      )
    }
    if (!isDistance(roundTripMs)) {
      throw new LabError(`distances: '${pair}' is ${roundTripMs}, not milliseconds from 0 up`)
    }
  }
  const table = new Map<string, number>()
  for (const a of regions) {
    for (const b of regions) {
      if (a === b) continue
      const roundTripMs =
        distances[`${a}-${b}`] ?? distances[`${b}-${a}`] ?? greatCircleRoundTripMs(a, b)
      if (roundTripMs === undefined) {
        throw new LabError(
          `How far '${a}' is from '${b}' is not known, as they are not both regions of Fly: ` +
            `give it in milliseconds, distances: { '${a}-${b}': 40 }`,
        )
      }
      table.set(`${a}-${b}`, roundTripMs)
    }
  }
  return (a, b) => table.get(`${a}-${b}`) ?? 0
}

function checkSetting(name: string, value: unknown): void {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(name)) {
    throw new LabError(`settings: '${name}' is not the name of a Postgres setting`)
  }
  if (OWN_SETTINGS.has(name)) {
    throw new LabError(`settings: '${name}' is the lab's own: it differs between members`)
  }
  const fits =
    typeof value === 'boolean' ||
    (typeof value === 'number' && Number.isFinite(value)) ||
    (typeof value === 'string' && !/[\n\r\0]/.test(value))
  if (!fits)
    throw new LabError(
      `settings: the value of '${name}' is not a boolean, a number or one line of text`,
    )
}

function isDistance(value: number): boolean {
  return Number.isFinite(value) && value >= 0
}
