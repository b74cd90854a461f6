import { FLY_REGIONS } from './fly-regions.js'

const EARTH_RADIUS_KM = 6371

/** Light in glass travels about 200 km in a millisecond (refractive index about 1.5). */
const FIBRE_KM_PER_MS = 200

/** Cables do not follow great circles; 1.3 is our factor for the detour, not a measurement. */
const PATH_FACTOR = 1.3

/**
 * The round trip between two of Fly's regions in milliseconds, rounded to 0.1: the great circle there and back at the
 * speed of light in fibre, times 1.3 for the path. `undefined` when either region is not in the table.
 */
export function greatCircleRoundTripMs(a: string, b: string): number | undefined {
  const km = greatCircleKm(a, b)
  if (km === undefined) return undefined
  return Math.round(((km * 2) / FIBRE_KM_PER_MS) * PATH_FACTOR * 10) / 10
}

/** The great-circle distance between two of Fly's regions in kilometres (haversine), or `undefined`. */
export function greatCircleKm(a: string, b: string): number | undefined {
  const from = coordinates(a)
  const to = coordinates(b)
  if (from === undefined || to === undefined) return undefined
  const [latitudeA, longitudeA] = from
  const [latitudeB, longitudeB] = to
  const haversine =
    Math.sin((latitudeB - latitudeA) / 2) ** 2 +
    Math.cos(latitudeA) * Math.cos(latitudeB) * Math.sin((longitudeB - longitudeA) / 2) ** 2
  return 2 * EARTH_RADIUS_KM * Math.asin(Math.sqrt(haversine))
}

function coordinates(region: string): readonly [latitude: number, longitude: number] | undefined {
  if (!Object.hasOwn(FLY_REGIONS, region)) return undefined
  const degrees = FLY_REGIONS[region]
  if (degrees === undefined) return undefined
  return [(degrees[0] * Math.PI) / 180, (degrees[1] * Math.PI) / 180]
}
