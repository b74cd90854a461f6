import { tellNotices } from '@flyback/core'
import { runOutsideScope } from '@flyback/core/scope'
import { refusalAnswer, toResponse } from './answer.js'
import type { CarriedRequest } from './platform/replay-platform.js'

/** Sends a request to the primary region; see {@link CarryingPlatform}. */
export type Carry = (request: CarriedRequest) => Promise<Response | undefined>

/** Carries a request before its handler has run; resolves to `undefined` when it may still run here. Never rejects. */
export async function carryFirst(
  carry: Carry,
  request: CarriedRequest,
): Promise<Response | undefined> {
  try {
    // Its connection outlives the request.
    const response = await runOutsideScope(() => carry(request))
    if (response === undefined) tellUnreached()
    return response
  } catch (error) {
    // A client that left is no fault of the primary region.
    if (!request.signal.aborted) tellUnanswered(error)
    return toResponse(refusalAnswer('no-answer'))
  }
}

/** Carries a request whose handler has run. Never rejects. */
export async function carryLate(carry: Carry, request: CarriedRequest): Promise<Response> {
  return (await carryFirst(carry, request)) ?? toResponse(refusalAnswer('unreachable'))
}

function tellUnreached(): void {
  const message =
    'no connection to the app in the primary region could be opened: until one can, requests for it are served here over the writer endpoint, or answered with 503'
  tellNotices([{ code: 'FLYBACK_PRIMARY_UNREACHED', message }])
}

function tellUnanswered(error: unknown): void {
  const code: unknown = error instanceof Error ? (Reflect.get(error, 'code') ?? error.name) : ''
  // Messages may name what no log should have.
  const word = typeof code === 'string' && /^\w+$/.test(code) ? code : 'unknown'
  const message = `the app in the primary region did not answer a request (${word}), which is not sent again: its client gets 502`
  tellNotices([{ code: 'FLYBACK_PRIMARY_UNANSWERED', message }])
}
