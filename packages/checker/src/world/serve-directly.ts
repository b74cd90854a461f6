import {
  detectDeployment,
  isContained,
  parseToken,
  printEntry,
  Scope,
  type TokenEntry,
} from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import { type App, levelOf } from './app.ts'
import type { Serve } from './edge.ts'

/** Serves an app with scopes of its own. */
export function serveDirectly(
  app: App,
  { env, withinMs, token }: { env: Record<string, string>; withinMs: number; token: boolean },
): Serve {
  return async function serve(request, work, level) {
    const { role, primaryRegion } = detectDeployment(env)
    const came = request.headers.has('fly-replay-src') || request.headers.has('fly-replay-failed')
    const isUnsafe = request.method !== 'GET'
    const policy = new URL(request.url).pathname.split('/')[1]
    const canReplay = role === 'replica' && !came && policy !== 'forward'
    const replay = (reason: string): Response =>
      new Response(null, {
        status: 409,
        headers: {
          'fly-replay': `region=${primaryRegion};state=flyback.1.${reason};fallback=prefer_self`,
        },
      })
    if (canReplay && isUnsafe && policy !== 'attempt') return replay('method')
    const given = cookiesOf(request.headers.get('cookie') ?? '')
    const scope = new Scope({
      role,
      primaryRegion,
      canReplay,
      replayed: came,
      forward:
        role === 'replica' && policy === 'forward'
          ? 'policy'
          : role === 'replica' && came
            ? 'came-back'
            : false,
      consistency: levelOf(level, withinMs),
      token: token ? parseToken([...given.values()].join('~')) : [],
      captures: token,
      mayWrite: isUnsafe,
    })
    let response: Response
    try {
      response = await runInScope(scope, () => app.handle(work, level))
    } catch (error) {
      if (scope.refusal === undefined && scope.denial === undefined) throw error
      response = new Response(null, { status: 500 })
    } finally {
      scope.end()
    }
    if (scope.refusal !== undefined) return replay(scope.refusal.reason)
    if (scope.denial !== undefined) response = new Response(null, { status: 503 })
    if (!token) return response
    const { issued, retired } = scope.tokens
    for (const entry of issued)
      response.headers.append('set-cookie', `${nameOf(entry)}=${printEntry(entry)}`)
    const names = new Set(issued.map(nameOf))
    const isGone = (entry: TokenEntry): boolean =>
      retired.has(entry) || issued.some((other) => isContained(entry, other))
    for (const [name, value] of given) {
      const entries = parseToken(value)
      const old = scope.tokens.given.filter((entry) =>
        entries.some((e) => printEntry(e) === printEntry(entry)),
      )
      if (
        !names.has(name) &&
        (old.length > 0 ? old : entries).every(
          (e) => [...retired].some((r) => printEntry(r) === printEntry(e)) || isGone(e),
        )
      ) {
        response.headers.append('set-cookie', `${name}=; Max-Age=0`)
      }
    }
    return response
  }
}

function nameOf(entry: TokenEntry): string {
  return entry.type === 'pin'
    ? `__Host-flyback-pin-${entry.issuedAt.toString(36)}`
    : `__Host-flyback-${entry.cluster}-${entry.timeline.toString(36)}-${entry.lsn.toString(36)}`
}

function cookiesOf(header: string): Map<string, string> {
  const cookies = new Map<string, string>()
  for (const part of header.split(/;\s*/)) {
    const [name = '', ...value] = part.split('=')
    if (name.startsWith('__Host-flyback')) cookies.set(name, value.join('='))
  }
  return cookies
}
