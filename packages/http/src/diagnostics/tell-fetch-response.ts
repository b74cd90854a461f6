import type { ToldRequest } from './told-request.js'

/** Tells what becomes of a request that a Response answers, and adds Server-Timing to that. */
export async function tellFetchResponse<T extends Response | undefined>(
  told: ToldRequest | undefined,
  run: () => Promise<T>,
): Promise<T | Response> {
  if (told === undefined) return await run()
  try {
    const answered = await run()
    // The runtime has upgraded the connection.
    const response = answered && withServerTiming(answered, told)
    told.responded(response?.status ?? 101)
    return response
  } catch (error) {
    told.end(undefined, false)
    throw error
  }
}

/** Adds Server-Timing to a response, or to a copy of one whose headers cannot be changed. */
function withServerTiming(response: Response, told: ToldRequest): Response {
  const value = told.timing()
  if (value === undefined) return response
  try {
    response.headers.append('server-timing', value)
    return response
  } catch {
    // A redirect, or what `fetch` gave. No status is left that cannot be copied but 101, which has no timing to tell.
    const { body, status, statusText } = response
    if (status < 200) return response
    const headers = new Headers(response.headers)
    headers.append('server-timing', value)
    return new Response(body, { status, statusText, headers })
  }
}
