import { askOf, errorReply, toResponse } from '@flyback/frameworks/app'
import type { LoaderFunctionArgs } from 'react-router'
import { contract } from '../contract.server.ts'

/** A resource route has no error boundary: its own handling of errors is in it. */
export async function loader({ request }: LoaderFunctionArgs): Promise<Response> {
  const reply = await contract.handle(askOf(request)).catch(errorReply)
  return toResponse(reply)
}
