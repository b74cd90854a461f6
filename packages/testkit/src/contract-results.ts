import { expect } from 'vitest'

/** By heading and title, what was seen when a case of a contract ran. */
export type ContractResults = Record<string, Record<string, string>>

export const HELD = '✓'
export const CANNOT = '–'

/**
 * Holds what was seen of one library or framework against what is committed in `packages/testkit/results`, which a page of
 * the docs is made of: a tick there is a test that ran.
 */
export async function expectResults(folder: string, shown: ShownResults): Promise<void> {
  const file = shown.name.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-')
  const url = new URL(`../results/${folder}/${file}.json`, import.meta.url)
  await expect(`${JSON.stringify(shown, null, 2)}\n`).toMatchFileSnapshot(url.pathname)
}

export interface ShownResults {
  readonly name: string
  readonly cannot: Readonly<Record<string, string>>
  readonly results: ContractResults
}
