import { errorReply, toResponse } from '@flyback/frameworks/app'
import { askOf } from '../../../../src/servers/node-exchange'
import { contract } from '../utils/contract'

/** Paths of Nuxt: its pages and its error page. */
const PAGES = /^\/(?:page|__nuxt_error|_nuxt)(?:\/|\?|$)/

export default defineEventHandler(async (event) => {
  if (PAGES.test(event.path)) return undefined
  const ask = askOf(
    event.node.req,
    async () => (await readRawBody(event, false)) ?? Buffer.alloc(0),
  )
  try {
    return toResponse(await contract.handle(ask))
  } catch (error) {
    // The app's own error handler, below `/handled`.
    if (!event.path.startsWith('/handled/')) throw error
    return toResponse(errorReply(error))
  }
})
