import type { History } from '../history/history.ts'
import { verifyEffectiveToken } from './effective-token.ts'
import { verifyMonotonic } from './monotonic.ts'
import { verifyReplays } from './replays.ts'
import { verifySession } from './session.ts'
import { verifySnapshot } from './snapshot.ts'
import { verifyStrong, verifyWithin } from './strong.ts'
import type { Violation } from './violation.ts'
import { verifyWrites } from './writes.ts'

/** One for each promise. */
const VERIFIERS = [
  verifySession,
  verifyMonotonic,
  verifyEffectiveToken,
  verifyStrong,
  verifyWithin,
  verifyWrites,
  verifySnapshot,
  verifyReplays,
]

/** What a history shows that must not be. */
export function verify(history: History): Violation[] {
  return VERIFIERS.flatMap((verifier) => verifier(history))
}
