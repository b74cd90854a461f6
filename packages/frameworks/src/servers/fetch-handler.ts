import { askOf, type ContractApp, errorReply, toResponse } from '../app/index.ts'

/** The contract's app with no framework, from Request to Response. */
export function createFetchHandler(contract: ContractApp): (request: Request) => Promise<Response> {
  return async (request) => {
    const ask = askOf(request)
    try {
      return toResponse(await contract.handle(ask))
    } catch (error) {
      if (!ask.url.startsWith('/handled/')) throw error
      return toResponse(errorReply(error))
    }
  }
}
