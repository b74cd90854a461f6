import { isCommit } from '@flyback/core'
import type { Sender } from './attempt.js'
import type { DriverQuery } from './driver-internals.js'
import type { Lane } from './lane.js'

/** Whether it is known before its answer that what a statement commits is captured: that is asked right behind it then. */
export function willOweCapture(
  { leadsTo, ended, checkedOut, status }: Lane,
  { cursorFn, streaming }: DriverQuery,
  { scope, text, onexecute }: Sender,
): boolean {
  if (scope?.captures !== true || leadsTo !== 'writer' || ended) return false
  if (checkedOut) return status === 'T' && isCommit(text)
  // Whether a text of several statements left a transaction open is seen when nothing comes after it.
  const isLast = onexecute !== undefined || cursorFn !== undefined || streaming === true
  return scope.mayWrite && !isLast
}
