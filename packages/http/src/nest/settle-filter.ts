import { findReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { Catch, type ExceptionFilter } from '@nestjs/common'
import { BaseExceptionFilter, type HttpAdapterHost } from '@nestjs/core'
import type { ServedRequests } from './served-requests.js'

/**
 * What the filter below catches: Nest asks `exception instanceof`, and of the filters that fit runs one. So it must fit
 * nothing but a request's own refusals, however wrapped, or it would take every error from the app's own filters.
 */
class Refusal extends Error {
  static override [Symbol.hasInstance](exception: unknown): boolean {
    return currentScope() !== undefined && findReplayRequired(exception)?.replayable === true
  }
}

/** Settles a replay without a line in the log: it is no error. A refusal too late for one is not `replayable`, and never here. */
export function createSettleFilter(served: ServedRequests, host: HttpAdapterHost): ExceptionFilter {
  class SettleFilter implements ExceptionFilter {
    catch: ExceptionFilter['catch'] = (exception, context) => {
      // GraphQL over HTTP: its own error formatting answers, and the answer becomes the replay.
      if (context.getType() !== 'http') throw exception
      if (served(context.switchToHttp().getRequest())?.settle(exception)) return
      new BaseExceptionFilter(host.httpAdapter).catch(exception, context)
    }
  }
  Catch(Refusal)(SettleFilter)
  return new SettleFilter()
}
