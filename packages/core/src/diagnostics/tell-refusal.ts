import type { ReplayRequiredOptions } from '../errors/replay-required.js'
import { publish } from './channels.js'
import type { RequestStarted } from './flyback-events.js'

/** Tells that work met ReplayRequired; never its cause, which is the driver's error. */
export function tellRefusal(
  { region, reason, replayable }: ReplayRequiredOptions,
  request: RequestStarted | undefined,
): void {
  publish('flyback:refusal', () => ({ request, reason, region, replayable }))
}
