import type { IncomingMessage } from 'node:http'
import type { FrontRequest } from '../front.js'
import type { Policy } from '../policy.js'
import { requestTarget } from '../request-target.js'
import { bodySize } from './body-size.js'
import { originalUrl } from './carried-request.js'

/** What the base reads of a framework's own request. */
export interface NodeRequest {
  readonly req: IncomingMessage
  /** The URL that rules are about. @default `originalUrl`, as Connect, Express and Fastify keep it, or else `url` */
  readonly url?: string
  /** What the route itself asks for, in the framework's own way. */
  readonly policy?: Policy | undefined
}

/** A request of Node, as the decisions see it. @param own the framework's own, which is what rules match */
export function describeRequest<R>(
  own: R,
  { req, url = originalUrl(req), policy }: NodeRequest,
): FrontRequest<R> {
  return {
    request: own,
    method: req.method ?? 'GET',
    path: requestTarget(url).replace(/[?#].*$/s, ''),
    policy,
    header(name) {
      const value = req.headers[name]
      return Array.isArray(value) ? value.join(',') : value
    },
    isEncrypted: Reflect.get(req.socket, 'encrypted') === true,
    bodySize: (limitBytes, mustKeep) => bodySize(req, limitBytes, mustKeep),
  }
}
