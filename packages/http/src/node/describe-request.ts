import type { IncomingMessage } from 'node:http'
import type { FrontRequest } from '../front.js'
import { requestTarget } from '../request-target.js'
import { bodySize } from './body-size.js'
import { originalUrl } from './carried-request.js'

/** A request of Node, as the decisions see it. */
export function describeRequest<R extends IncomingMessage>(req: R): FrontRequest<R> {
  return {
    request: req,
    method: req.method ?? 'GET',
    path: requestTarget(originalUrl(req)).replace(/[?#].*$/s, ''),
    header(name) {
      const value = req.headers[name]
      return Array.isArray(value) ? value.join(',') : value
    },
    bodySize: (limitBytes, mustKeep) => bodySize(req, limitBytes, mustKeep),
  }
}
