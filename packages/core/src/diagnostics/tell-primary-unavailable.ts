import { isPrimaryUnavailable } from '../errors/primary-unavailable.js'
import { publish } from './channels.js'
import type { RequestStarted } from './flyback-events.js'

/** Tells that work met PrimaryUnavailable, if that is what the error is; never its cause. */
export function tellPrimaryUnavailable(error: unknown, request: RequestStarted | undefined): void {
  if (!isPrimaryUnavailable(error)) return
  const { reason } = error
  publish('flyback:primary-unavailable', () => ({ request, reason }))
}
