import { command, getRequestEvent, query } from '$app/server'
import { read, write } from '../../../lib/database.ts'

export const seen = query(read)

export const visited = query(() => write(ownUrl()))

export const record = command(() => write(ownUrl()))

/** Not that of the event, which is the page's. */
function ownUrl(): URL {
  return new URL(getRequestEvent().request.url)
}
