const FNV_OFFSET = 0xcbf29ce484222325n
const FNV_PRIME = 0x100000001b3n

/**
 * Names a cluster in tokens, without telling its system identifier: 48 bits of FNV-1a in base 36.
 *
 * @see https://datatracker.ietf.org/doc/draft-eastlake-fnv/ (read 2026-11-25)
 */
export function clusterHash(systemIdentifier: string): string {
  let hash = FNV_OFFSET
  for (const character of `flyback:${systemIdentifier}`) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(character.codePointAt(0) ?? 0)) * FNV_PRIME)
  }
  return (hash >> 16n).toString(36)
}
