import { askOf, errorReply, toResponse } from '@flyback/frameworks/app'
import { withFlyback } from '@flyback/http/next'
import { contract } from '../../lib/contract'

async function handle(request: Request): Promise<Response> {
  const reply = contract.handle(askOf(request))
  const { pathname } = new URL(request.url)
  return toResponse(await (pathname.startsWith('/handled/') ? reply.catch(errorReply) : reply))
}

const serve = withFlyback(handle, contract.options)

export { serve as DELETE, serve as GET, serve as OPTIONS, serve as POST, serve as PUT }
