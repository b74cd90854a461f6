import { type CanActivate, HttpException } from '@nestjs/common'
import type { HttpAdapterHost, Reflector } from '@nestjs/core'
import { FlybackPolicy } from './flyback-policy.js'
import type { ServedRequests } from './served-requests.js'

/** Says the policy of a request's route, once Nest has found it. Other contexts than HTTP pass. */
export function createDecideGuard(
  served: ServedRequests,
  host: HttpAdapterHost,
  reflector: Reflector,
): CanActivate {
  return {
    canActivate(context) {
      if (context.getType() !== 'http') return true
      const http = context.switchToHttp()
      const policy = reflector.getAllAndOverride(FlybackPolicy, [
        context.getHandler(),
        context.getClass(),
      ])
      const refusal = served(http.getRequest())?.decide(policy)
      if (refusal === undefined) return true
      for (const [name, value] of refusal.headers) {
        // The body is the exception's.
        if (!name.startsWith('content-')) {
          host.httpAdapter.setHeader(http.getResponse(), name, value)
        }
      }
      throw new HttpException(refusal.body.trim(), refusal.status)
    },
  }
}
