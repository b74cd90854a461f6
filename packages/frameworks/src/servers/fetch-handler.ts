import { askOf, type ContractApp, errorReply, toResponse } from '../app/index.ts'
import type { Accept } from './serve-fetch.ts'

/** The contract's app with no framework, from Request to Response. */
export function createFetchHandler(
  contract: ContractApp,
): (request: Request, accept: Accept) => Promise<Response> {
  return async (request, accept) => {
    const ask = askOf(request)
    try {
      if (ask.url.startsWith('/socket/')) return accept(request, await contract.sockets.greet(ask))
      return toResponse(await contract.handle(ask))
    } catch (error) {
      if (!ask.url.startsWith('/handled/')) throw error
      return toResponse(errorReply(error))
    }
  }
}
