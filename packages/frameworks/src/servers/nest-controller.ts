import type { IncomingMessage } from 'node:http'
import { FlybackPolicy, type Policy } from '@flyback/http/nest'
import {
  type ArgumentsHost,
  Catch,
  Controller,
  Delete,
  Get,
  Inject,
  Options,
  Post,
  Put,
  Req,
  Res,
  type Type,
  UseFilters,
} from '@nestjs/common'
import { HttpAdapterHost } from '@nestjs/core'
import { type ContractApp, errorReply, type Route } from '../app/index.ts'
import { replyBody } from './nest-reply.ts'
import { askOf } from './node-exchange.ts'

/** Of Express, which is Node's own, or of Fastify. */
interface Request extends IncomingMessage {
  readonly raw?: IncomingMessage
  readonly body?: unknown
}

const VERBS = { GET: Get, POST: Post, PUT: Put, DELETE: Delete, OPTIONS: Options } as const

class RoutesController {
  readonly host: HttpAdapterHost

  constructor(host: HttpAdapterHost) {
    this.host = host
  }

  async answer(route: Route, request: Request, response: object): Promise<unknown> {
    const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
    const ask = askOf(request.raw ?? request, async () => body)
    return replyBody(this.host.httpAdapter, response, await route.handle(ask))
  }
}

class HandledFilter {
  readonly host: HttpAdapterHost

  constructor(host: HttpAdapterHost) {
    this.host = host
  }

  catch(error: unknown, context: ArgumentsHost): void {
    const response: object = context.switchToHttp().getResponse()
    const adapter = this.host.httpAdapter
    adapter.reply(response, replyBody(adapter, response, errorReply(error)))
  }
}
Inject(HttpAdapterHost)(HandledFilter, undefined, 0)
Catch()(HandledFilter)

/**
 * A controller with the contract's routes. Decorators are called as the functions they are: Node takes the types out of a
 * file, and knows no decorators.
 *
 * @param pattern a wildcard as the platform writes it
 */
export function controllerOf(contract: ContractApp, pattern: (path: string) => string): Type {
  class Routes extends RoutesController {}
  Inject(HttpAdapterHost)(Routes, undefined, 0)
  for (const [index, route] of contract.routes.entries()) {
    const name = `route${index}`
    const descriptor = {
      value(this: Routes, request: Request, response: object): Promise<unknown> {
        return this.answer(route, request, response)
      },
    }
    Object.defineProperty(Routes.prototype, name, descriptor)
    for (const decorate of decoratorsOf(contract, route, pattern)) {
      decorate(Routes.prototype, name, descriptor)
    }
    Req()(Routes.prototype, name, 0)
    Res({ passthrough: true })(Routes.prototype, name, 1)
  }
  Controller()(Routes)
  return Routes
}

function decoratorsOf(
  { options }: ContractApp,
  { method, path }: Route,
  pattern: (path: string) => string,
): MethodDecorator[] {
  const policy = policyOf(options, path)
  return [
    VERBS[method](pattern(path)),
    ...(policy === undefined ? [] : [FlybackPolicy(policy)]),
    ...(path.startsWith('/handled/') ? [UseFilters(HandledFilter)] : []),
  ]
}

/** The contract's rules, as Nest has them: on the handlers. */
function policyOf({ routes = [] }: ContractApp['options'], path: string): Policy | undefined {
  return routes.find(({ path: rule }) => {
    if (typeof rule !== 'string') return false
    return rule.endsWith('/*') ? path.startsWith(rule.slice(0, -1)) : path === rule
  })?.policy
}
