import { askOf, toResponse } from '@flyback/frameworks/app'
import type { RequestHandler } from '@sveltejs/kit'
import { contract } from '../../lib/contract.ts'

export const trailingSlash = 'ignore'

export const fallback: RequestHandler = async ({ request }) =>
  toResponse(await contract.handle(askOf(request)))
