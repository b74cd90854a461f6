import { askOf, errorReply, toResponse } from '@flyback/frameworks/app'
import type { RequestHandler } from '@sveltejs/kit'
import { contract } from '../../../lib/contract.ts'

/** An endpoint has no error page: its own handling of errors is in it. */
export const GET: RequestHandler = async ({ request }) =>
  toResponse(await contract.handle(askOf(request)).catch(errorReply))
