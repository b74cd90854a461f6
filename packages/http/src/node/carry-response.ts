import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Carry, carryFirst, carryLate } from '../carry-request.js'
import type { CarriedRequest } from '../platform/replay-platform.js'
import { carriedRequest } from './carried-request.js'
import { takeResponse } from './take-response.js'

/** A request of Node whose response may come from the primary region. */
export interface NodeExchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** All of its body, where it may be carried. */
  readonly body: readonly Buffer[]
}

/** Carries a request before its handler has run. @param unreached called when it may still run here */
export async function carryBefore(
  carry: Carry,
  exchange: NodeExchange,
  unreached: () => void,
): Promise<void> {
  const response = await carryFirst(carry, whileWaiting(exchange))
  if (response === undefined) unreached()
  else await takeResponse(exchange.res).send(response)
}

/** Carries a request whose handler has run: nothing of that is sent any more. */
export async function carryInstead(carry: Carry, exchange: NodeExchange): Promise<void> {
  const taken = takeResponse(exchange.res)
  await taken.send(await carryLate(carry, whileWaiting(exchange)))
}

/** The request, to be carried for as long as its client waits. */
function whileWaiting({ req, res, body }: NodeExchange): CarriedRequest {
  const waiting = new AbortController()
  res.once('close', () => waiting.abort())
  return carriedRequest(req, body, waiting.signal)
}
