import type { EventEmitter } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Scope } from '@flyback/core'
import { runInScope, runOutsideScope } from '@flyback/core/scope'
import type { Answer } from './answer.js'
import { createFront, type Replay } from './front.js'
import { describeRequest } from './node/describe-request.js'
import { answerSocket, hookSocket } from './node/hook-socket.js'
import type { FlybackOptions } from './options.js'

/** A listener of `upgrade`, as `http.Server` has it. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown

/**
 * Serves requests for an upgrade of the connection: all is decided before the first bytes of an answer.
 *
 * @throws ConfigurationError
 */
export function createUpgradeBase(
  options: FlybackOptions<IncomingMessage>,
  listener: UpgradeListener,
): (req: IncomingMessage, socket: Duplex, head: Buffer) => void {
  const front = createFront(options)

  return function flybackUpgrade(req, socket, head) {
    if (front.isIdle()) {
      listener(req, socket, head)
      return
    }
    const { input, admission } = front.admit({
      ...describeRequest(req, { req }),
      // What follows the headers is no body, and there is nobody who could carry it.
      bodySize: () => 'none',
      isUpgrade: true,
    })
    const { told } = input
    socket.once('close', () => told?.end(undefined, false))
    switch (admission.outcome) {
      case 'replay':
      case 'refuse': {
        const answer =
          admission.outcome === 'replay' ? asked(front.replay(admission)) : front.answer(admission)
        told?.end(answer.status, true)
        answerSocket(socket, answer)
        break
      }
      case 'pass':
      case 'measure':
        listener(req, socket, head)
        break
      case 'open':
        open(front.openScope(admission, input), req, socket, head, (status) =>
          told?.end(status, true),
        )
        break
    }
  }

  function open(
    scope: Scope,
    req: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    tell: (status: number | undefined) => void,
  ): void {
    let isOver = false
    function over(status: number | undefined): void {
      isOver = true
      front.endScope(scope)
      tell(status)
    }
    let thrown: unknown
    const hooked = hookSocket(socket, {
      instead() {
        const replay = front.replayOf(scope, thrown)
        if (replay === undefined) return undefined
        const answer = asked(replay)
        over(answer.status)
        return answer
      },
      sent: over,
    })
    socket.once('close', () => front.endScope(scope))
    // Messages are work of their own: none belongs to the handshake, not even one that came along with it.
    const emitter: EventEmitter = socket
    const emit = emitter.emit
    emitter.emit = (...args) => {
      const call = (): boolean => Reflect.apply(emit, emitter, args)
      return isOver ? runOutsideScope(call) : runInScope(scope, call)
    }

    function settle(error: unknown): void {
      thrown = error
      if (!hooked.replace()) throw error
    }
    try {
      const result = runInScope(scope, () => listener(req, socket, head))
      // A refusal that was swallowed, and nothing sent since.
      if (result instanceof Promise) void result.then(hooked.replace, settle)
    } catch (error) {
      settle(error)
    }
  }
}

/** The answer that asks for a replay: upgrades are never carried. */
function asked(replay: Replay): Answer {
  if (typeof replay === 'function') throw new TypeError('an upgrade cannot be carried')
  return replay
}
