import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ContractApp, errorReply } from '../app/index.ts'
import { askOf, sendReply } from './node-exchange.ts'

/** The contract's app with no framework. With none, an app is itself the last to see its errors. */
export function createNodeHandler(
  contract: ContractApp,
): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    try {
      await sendReply(res, await contract.handle(askOf(req)))
    } catch (error) {
      const isHandled = req.url?.startsWith('/handled/') === true
      if (res.headersSent) res.destroy()
      else await sendReply(res, isHandled ? errorReply(error) : FAILED)
    }
  }
}

const FAILED = { status: 500, headers: [], body: 'failed' } as const
