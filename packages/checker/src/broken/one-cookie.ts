import type { Serve } from '../world/edge.ts'

const PREFIX = '__Host-flyback'

/** All of a token in one cookie with one name, which the last answer to arrive sets. */
export function oneCookie(serve: Serve): Serve {
  return async function serveOneCookie(request, work, level) {
    const token = /flyback=([^;]*)/.exec(request.headers.get('cookie') ?? '')?.[1] ?? ''
    const headers = new Headers(request.headers)
    const entries = token.split('~').filter((entry) => entry !== '')
    headers.set('cookie', entries.map((entry) => `${nameOf(entry)}=${entry}`).join('; '))
    const response = await serve(new Request(request, { headers }), work, level)
    const set = response.headers.getSetCookie().flatMap((text) => {
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(text) ?? []
      return name.startsWith(PREFIX) && value !== '' ? [value] : []
    })
    response.headers.delete('set-cookie')
    if (set.length > 0) response.headers.append('set-cookie', `flyback=${set.join('~')}; Path=/`)
    return response
  }
}

/** The name such an entry has. */
function nameOf(entry: string): string {
  const [, cluster, timeline, lsn] = entry.split('.')
  return cluster === 'pin' ? `${PREFIX}-pin-${timeline}` : `${PREFIX}-${cluster}-${timeline}-${lsn}`
}
