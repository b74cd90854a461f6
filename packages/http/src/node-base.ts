import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Scope } from '@flyback/core'
import { bindToCaller, requirePrimary, runInScope } from '@flyback/core/scope'
import type { Admission, AdmissionInput } from './admission.js'
import type { Answer } from './answer.js'
import { tellNodeResponse } from './diagnostics/tell-node-response.js'
import { createFront, type Replay } from './front.js'
import { bindEvents, bindSources } from './node/bind-events.js'
import { carryBefore, carryInstead } from './node/carry-response.js'
import { describeRequest, type NodeRequest } from './node/describe-request.js'
import { hookResponse, type Replacement } from './node/hook-response.js'
import { isBegun } from './node/response-state.js'
import { sendInstead } from './node/send-instead.js'
import { spoolBody } from './node/spool-body.js'
import type { FlybackOptions } from './options.js'
import type { Policy } from './policy.js'
import { watchResponse } from './response-watch.js'

/** What follows a request that may run here. */
export interface NodeRun {
  /** Runs the handler; `served` is `undefined` when Flyback leaves the request alone. */
  run(served: Served | undefined): void
  /** A rule's predicate threw. */
  fail(error: unknown): void
  /** Whether the policy is known only when the request has found its route: {@link Served.decide} says it. @default never */
  undecided?(path: string): boolean
  /** The pattern the request has matched, asked when it is over. @default as Express keeps it */
  route?(): string | undefined
}

/** A request that runs in a scope. */
export interface Served {
  /** Takes note of an error, and sends nothing: whether a replay takes the place of what the framework answers. */
  note(error: unknown): boolean
  /** Takes an error nobody caught: whether the response is settled by it, so that the error goes no further. */
  settle(error: unknown): boolean
  /**
   * Says the policy of a request that runs already: its route's, or, when that has none, the one of its rules and its method.
   * A request that has begun to write on the primary, or to answer, is not replayed any more. Calling it again decides again.
   *
   * @returns the answer that refuses the request, by `whenNotReplayable`
   * @throws {@link ReplayRequired} when the handler must not run here: the response becomes a replay
   */
  decide(policy: Policy | undefined): Answer | undefined
  /** Whether the response has begun: a refusal can only break it off, which belongs in the app's log. */
  hasBegun(): boolean
}

/** Serves one request, as the framework has it. */
export type NodeBase<R> = (own: R, res: ServerResponse, then: NodeRun) => void

/** What is particular to a framework. */
export interface NodeSettings {
  /**
   * Most of its work comes after the headers, or after the response: what the replica refuses then runs on the writer, where
   * nothing is lost by it.
   *
   * @default false
   */
  readonly staysHere?: boolean
}

/**
 * The base of every framework that has Node's own request and response.
 *
 * @param read finds Node's request in the framework's own, which is what rules match
 * @throws ConfigurationError
 */
export function createNodeBase<R>(
  options: FlybackOptions<R>,
  read: (own: R) => NodeRequest,
  { staysHere = false }: NodeSettings = {},
): NodeBase<R> {
  const front = createFront(options)

  function open(
    req: IncomingMessage,
    res: ServerResponse,
    input: AdmissionInput,
    body: readonly Buffer[],
    scope: Scope,
    then: NodeRun,
  ): void {
    const watch = watchResponse(scope, staysHere)
    input.told?.watched(watch)
    let decided: Replay | undefined
    bindEvents(req, scope)
    bindEvents(res, scope)
    bindSources(res, scope)
    res.once('close', () => {
      if (staysHere) watch.sent()
      front.endScope(scope)
    })
    let hasBegun = (): boolean => isBegun(res)
    const mayBeRefused = front.role === 'replica' && scope.state === 'open'
    const lines = front.linesOf(scope)
    if (mayBeRefused || lines !== undefined) {
      ;({ hasBegun } = hookResponse(res, {
        ...watch,
        lines,
        instead: () => replacement(decided ?? front.replayOf(scope)),
        // What is refused after the headers stays here: the first of them need not wait for it.
        isPending: (savesAtEnd) =>
          !staysHere &&
          ((mayBeRefused && scope.state === 'open' && scope.pending) ||
            front.mayCapture(scope, savesAtEnd)),
      }))
    }

    function replacement(replay: Replay | undefined): Replacement | undefined {
      if (replay === undefined) return undefined
      if (typeof replay !== 'function') return (during) => sendInstead(res, replay, during)
      return () => {
        // What the handler has checked out is not waited for.
        scope.end()
        void carryInstead(replay, { req, res, body })
      }
    }

    function settle(error: unknown): boolean {
      const isBroken = watch.isBroken() && !res.writableEnded
      if (front.replayOf(scope, error) === undefined && !isBroken) return false
      // The hook answers with the replay, or destroys a response that has begun.
      res.end()
      return true
    }

    const note = (error: unknown): boolean => front.replayOf(scope, error) !== undefined

    function decide(policy: Policy | undefined): Answer | undefined {
      if (scope.refusal !== undefined) throw scope.refusal
      const next = front.decide(input, policy)
      if (next.outcome === 'refuse') return front.answer(next)
      if (next.outcome === 'open' && next.forward) scope.forwardAll(next.forward)
      if (next.outcome !== 'replay' || !scope.replayable) return undefined
      decided = front.replay(next)
      runInScope(scope, requirePrimary)
      return undefined
    }

    const served: Served = { note, settle, decide, hasBegun }
    runInScope(scope, () => then.run(served))
  }

  return (own, res, then) => {
    if (front.isIdle()) return then.run(undefined)
    const request = read(own)
    const { req } = request
    const admitted = admit(own, request, then)
    if (admitted === undefined) return
    let { input } = admitted
    let body: readonly Buffer[] = []
    if (input.told !== undefined) tellNodeResponse(res, input.told)
    proceed(admitted.admission)

    function proceed(next: Admission): void {
      switch (next.outcome) {
        case 'pass':
          then.run(undefined)
          break
        case 'measure': {
          const measured = bindToCaller((size: 'within' | 'over', chunks: readonly Buffer[]) => {
            input = { ...input, body: size }
            if (front.carries && size === 'within') body = chunks
            proceed(front.admitMeasured(input, size))
          })
          spoolBody(req, front.maxBodyBytes, measured)
          break
        }
        case 'replay': {
          const replay = front.replay(next)
          if (typeof replay !== 'function') sendInstead(res, replay, 'end')
          else {
            const here = bindToCaller(() => proceed(front.admitUnreached(input)))
            void carryBefore(replay, { req, res, body }, here)
          }
          break
        }
        case 'refuse':
          send(res, front.answer(next))
          break
        case 'open':
          open(req, res, input, body, front.openScope(next, input), then)
          break
      }
    }
  }

  function admit(
    own: R,
    request: NodeRequest,
    then: NodeRun,
  ): ReturnType<typeof front.admit> | undefined {
    try {
      const described = {
        ...describeRequest(own, request),
        route: () => then.route?.() ?? routeOf(request.req),
      }
      return front.admit(described, then.undecided?.(described.path))
    } catch (error) {
      then.fail(error)
      return undefined
    }
  }
}

/** Express keeps the pattern of the route, and of the routers above it. */
function routeOf(req: IncomingMessage): string | undefined {
  const route: unknown = Reflect.get(req, 'route')
  const path: unknown = typeof route === 'object' && route !== null && Reflect.get(route, 'path')
  const base: unknown = Reflect.get(req, 'baseUrl')
  if (typeof path !== 'string') return undefined
  return typeof base === 'string' ? `${base}${path}` : path
}

function send(res: ServerResponse, answer: Answer): void {
  for (const [name, value] of answer.headers) res.setHeader(name, value)
  res.statusCode = answer.status
  res.end(answer.body)
}
