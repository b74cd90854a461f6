import type { Scope } from '@flyback/core'
import { runInScope } from '@flyback/core/scope'
import type { Admission, AdmissionInput } from './admission.js'
import { toResponse } from './answer.js'
import { carryFirst, carryLate } from './carry-request.js'
import { tellFetchResponse } from './diagnostics/tell-fetch-response.js'
import { carriedRequest } from './fetch/carried-request.js'
import { startBody } from './fetch/guard-body.js'
import { bodySize, measureBody } from './fetch/measure-body.js'
import { withLines } from './fetch/with-lines.js'
import { createFront, type Replay } from './front.js'
import type { FlybackOptions } from './options.js'
import type { CarriedRequest } from './platform/replay-platform.js'
import { watchResponse } from './response-watch.js'
import { untilSettled } from './until-settled.js'

/** What a handler answers with: in Bun, nothing once it has upgraded the connection. */
export type Answered = Response | undefined

/** What follows a request that may run here. */
export interface FetchRun<T extends Answered = Response> {
  /** Runs the handler. */
  run(): T | Promise<T>
  /** The error that the framework has already made a response of, if any. */
  caught?(): unknown
  /** Whether the response is known to be complete: it is left untouched then, and its server sends it with its length. */
  isWhole?(): boolean
  /** The pattern the request has matched, asked when it is over. */
  route?(): string | undefined
}

/** What the base reads of a framework's own request. */
export interface FetchRequest {
  readonly request: Request
  /** The path that rules are about, where it is not that of the request. */
  readonly path?: string
  /** Aborts when the client leaves, where that of the request tells something else. Asked when the request is carried. */
  signal?(): AbortSignal
}

/** Serves one request, as the framework has it. */
export type FetchBase<R> = <T extends Answered = Response>(
  own: R,
  then: FetchRun<T>,
) => Promise<T | Response>

/**
 * The base of every framework that has the web's Request and Response.
 *
 * @param read finds the web's request in the framework's own, which is what rules match
 * @throws ConfigurationError
 */
export function createFetchBase<R>(
  options: FlybackOptions<R>,
  read: (own: R) => FetchRequest,
): FetchBase<R> {
  const front = createFront(options)

  async function runIn<T extends Answered>(
    input: AdmissionInput,
    scope: Scope,
    request: Request,
    then: FetchRun<T>,
    carried: () => CarriedRequest,
  ): Promise<T | Response> {
    const end = (completed?: boolean): void => front.endScope(scope, completed)
    const answer = (replay: Replay): Response | Promise<Response> =>
      typeof replay === 'function' ? carryLate(replay, carried()) : toResponse(replay)
    // A write nobody waited for may yet be refused.
    const isPending = (): boolean =>
      (front.role === 'replica' && scope.state === 'open' && scope.pending) ||
      front.mayCapture(scope)
    const lines = front.linesOf(scope)
    const carrying = <A extends Response>(given: A): A | Response =>
      lines === undefined ? given : withLines(given, lines())
    const settled = async (): Promise<void> => {
      if (isPending()) await untilSettled(isPending)
    }
    try {
      const response = await runInScope(scope, () => then.run())
      if (response === undefined) {
        end()
        return response
      }
      await settled()
      const replay = front.replayOf(scope, then.caught?.())
      if (replay !== undefined) {
        response.body?.cancel().catch(() => undefined)
        end()
        return await answer(replay)
      }
      // Bun, Deno and srvx send a string with its length, until someone asks for it as a stream.
      const isLeft =
        front.role !== 'replica' || request.method === 'HEAD' || then.isWhole?.() === true
      const body = isLeft ? null : response.body
      const { status, statusText, headers } = response
      if (body === null || status === 101) {
        end()
        return carrying(response)
      }
      const start = await startBody(body, scope)
      await settled()
      if (front.replayOf(scope, start.failure) !== undefined) {
        start.cancel()
        throw scope.refusal
      }
      const watch = watchResponse(scope)
      input.told?.watched(watch)
      watch.sent()
      if (start.whole !== undefined) end()
      const whole = start.whole ?? start.guarded(watch, settled, end)
      return carrying(new Response(whole, { status, statusText, headers }))
    } catch (error) {
      const replay = front.replayOf(scope, error)
      end()
      if (replay === undefined) throw error
      return await answer(replay)
    }
  }

  return async function serve<T extends Answered>(own: R, then: FetchRun<T>) {
    if (front.isIdle()) return await then.run()
    const seen = read(own)
    const { request, path = new URL(request.url).pathname } = seen
    const { input, admission } = front.admit({
      request: own,
      method: request.method,
      path,
      header: (name) => request.headers.get(name) ?? undefined,
      bodySize: (limitBytes, mustKeep) => bodySize(request, limitBytes, mustKeep),
      isEncrypted: request.url.startsWith('https:'),
      isUpgrade: request.headers.get('upgrade')?.toLowerCase() === 'websocket',
      ...(then.route && { route: then.route }),
    })
    let chunks: readonly Uint8Array[] | undefined
    const carried = (): CarriedRequest =>
      carriedRequest(request, chunks, seen.signal?.() ?? request.signal)

    async function proceed(next: Admission): Promise<T | Response> {
      switch (next.outcome) {
        case 'pass':
          return await then.run()
        case 'measure': {
          const measured = await measureBody(request, front.maxBodyBytes)
          if (front.carries && measured.size === 'within') chunks = measured.chunks
          return await proceed(front.admitMeasured(input, measured.size))
        }
        case 'refuse':
          return toResponse(front.answer(next))
        case 'replay': {
          const replay = front.replay(next)
          if (typeof replay !== 'function') return toResponse(replay)
          return (
            (await carryFirst(replay, carried())) ?? (await proceed(front.admitUnreached(input)))
          )
        }
        case 'open':
          return await runIn(input, front.openScope(next, input), request, then, carried)
      }
    }
    return await tellFetchResponse(input.told, () => proceed(admission))
  }
}
