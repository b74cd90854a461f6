import { cookieToken, fly, type RouteRule } from '@flyback/http'
import { withFlyback } from '@flyback/http/fetch'
import type { Level } from '../history/history.ts'
import { type App, levelOf } from './app.ts'
import type { Serve } from './edge.ts'

export interface ServeOptions {
  readonly env: Readonly<Record<string, string>>
  readonly withinMs: number
  readonly token: boolean
}

const LEVELS: readonly Level[] = ['session', 'monotonic', 'eventual', 'strong', 'within']
const POLICIES = ['replay', 'attempt', 'forward'] as const

/** The app behind Flyback; a path is a policy and a level. */
export function serve(app: App, { env, withinMs, token }: ServeOptions): Serve {
  const routes: RouteRule<Request>[] = POLICIES.flatMap((policy) =>
    LEVELS.map((level) => ({
      path: `/${policy}/${level}`,
      consistency: levelOf(level, withinMs),
      // Without one the method decides.
      ...(policy !== 'replay' && { policy }),
    })),
  )
  return withFlyback((_request: Request, work, level) => app.handle(work, level), {
    env,
    platform: fly(),
    routes,
    token: token && cookieToken(),
  })
}
