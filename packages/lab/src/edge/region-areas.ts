/**
 * The areas a region list may name instead of a region, and the regions in each.
 *
 * The names are Fly's (docs/lab-edge-rules.md, read 2026-08). Which region belongs to which area is not written down by Fly:
 * the members are geography, from Fly's list of regions, old ones included. `any` is every region of the machine table.
 *
 * @see https://fly.io/docs/networking/dynamic-request-routing/#geographic-groups-and-aliases
 */
const us = ['atl', 'bos', 'den', 'dfw', 'ewr', 'iad', 'lax', 'mia', 'ord', 'phx', 'sea', 'sjc']
const areas: ReadonlyMap<string, readonly string[]> = new Map([
  ['apac', ['bom', 'hkg', 'nrt', 'sin', 'syd']],
  ['eu', ['ams', 'arn', 'cdg', 'fra', 'lhr', 'mad', 'otp', 'waw']],
  ['na', [...us, 'gdl', 'qro', 'yul', 'yyz']],
  ['sa', ['bog', 'eze', 'gig', 'gru', 'scl']],
  ['us', us],
  ['usa', us],
])

/** Whether `name` means an area, so that no region may be called so. */
export function isArea(name: string): boolean {
  return name === 'any' || areas.has(name)
}

/** Whether `region` is what `name` asks for: `any`, an area it lies in, or its own code. */
export function isInArea(region: string, name: string): boolean {
  return name === 'any' || (areas.get(name)?.includes(region) ?? name === region)
}
