import type { RequestStarted } from '@flyback/core'
import type { RequestFate } from './describe-request.js'

/**
 * One metric, whose description browsers show as its label: `flyback;dur=3.1;desc="region=iad role=replica ..."`. All of it
 * is from closed words, and regions from the configuration. Nothing for a replay: that answer never reaches a browser.
 *
 * @see https://www.w3.org/TR/server-timing/ (read 2026-11-25)
 */
export function formatServerTiming(
  { region, role }: Pick<RequestStarted, 'region' | 'role'>,
  { outcome, reason, answeredBy }: RequestFate,
  durationMs: number,
): string | undefined {
  if (outcome === 'replayed') return undefined
  const words = { region, role, member: answeredBy, route: outcome, reason }
  const description = Object.entries(words).map(([name, word]) => `${name}=${word}`)
  return `flyback;dur=${durationMs.toFixed(1)};desc="${description.join(' ')}"`
}
