import type { Scope } from '@flyback/core'

/** What the scope says of a response whose headers are out. */
export interface ResponseWatch {
  /** The headers go out now: nothing can be replayed from here on. Calling it again does nothing. */
  sent(): void
  /** Whether a refusal came too late to replay: the response must not end as if it were complete (rule 5). */
  isBroken(): boolean
}

/**
 * Watches for refusals after the headers. In a scope that forwards, one is not a broken response: the app got the error
 * and answers as it likes.
 *
 * @param staysHere what the replica refuses after the headers runs on the writer, where nothing is lost by it
 */
export function watchResponse(scope: Scope, staysHere = false): ResponseWatch {
  let wasOpen: boolean | undefined
  return {
    sent() {
      wasOpen ??= scope.state === 'open' && !isLost(scope)
      if (staysHere) scope.stayHere()
      else scope.seal()
    },
    isBroken() {
      return scope.refusal !== undefined || (wasOpen === true && isLost(scope))
    },
  }
}

/** Whether something could not be served, and the response does not say so. */
function isLost({ lostRefusal, denial }: Scope): boolean {
  return lostRefusal !== undefined || denial !== undefined
}
