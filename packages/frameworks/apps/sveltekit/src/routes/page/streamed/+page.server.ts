import { setTimeout as sleep } from 'node:timers/promises'
import type { ServerLoad } from '@sveltejs/kit'
import { read, write } from '../../../lib/database.ts'

const LATER_MS = 100

/** A promise that is not awaited: the page is sent before it settles. Before that a write may be swallowed. */
export const load: ServerLoad = async ({ url }) => {
  if (url.searchParams.has('swallow')) await write(url).catch(() => {})
  const later = async (): Promise<string> => {
    await sleep(LATER_MS)
    return url.searchParams.has('write') ? await write(url) : await read()
  }
  return { later: later() }
}
