/**
 * The two closed exceptions to "never parse SQL": the names of advisory locks, and the word a statement begins with, as
 * far as it ends a transaction. Both err on the harmless side.
 *
 * A hot standby grants advisory locks, but only for itself: the same key can be held on the primary at that moment
 * (measured on PostgreSQL 15 and 18). So the lock functions are matched by name and refused before they are sent.
 */
const ADVISORY_LOCK = /\bpg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\b/i

/** Whether a statement names a function that takes an advisory lock. */
export function takesAdvisoryLock(text: string): boolean {
  return ADVISORY_LOCK.test(text)
}

/** Empty statements, too, and what is left of a comment that had another in it. */
const LEADING_NOISE = /^(?:[\s;]+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/|\*\/)/
const COMMIT = /^(?:commit|end)\b/i
const ROLLBACK = /^(?:rollback|abort)\b/i
const PROCEDURE = /^(?:call|do)\b/i
const SEVERAL = /;\s*\S/
const BEGIN = /^(?:begin|start\s+transaction)\b[^;]*;?\s*$/i
/** No comments in it: they may say the same. */
const READ_ONLY = /^(?:begin|(?:start|set)\s+transaction)\b[\w\s,]*\bread\s+only\b[\w\s,]*;?\s*$/i
/** `transaction_read_only`, too. */
const READ_WRITE = /\bwrite\b|read_only\b/i
const COMMITS = /\b(?:commit|end)\b/i
const END = /^(?:commit|end|rollback|abort|release)\b[^;]*;?\s*$/i

/**
 * Whether a statement begins with COMMIT or END. The server answers `ROLLBACK` to one that ends a failed transaction,
 * with no error: the caller would believe in a commit that never was.
 *
 * @see https://www.postgresql.org/docs/18/sql-commit.html (read 2026-11-24)
 */
export function isCommit(text: string): boolean {
  return COMMIT.test(withoutNoise(text))
}

/** Whether a text is one statement that ends a transaction, or a part of it: these read nothing. */
export function endsTransaction(text: string): boolean {
  return END.test(withoutNoise(text))
}

/** Whether a statement begins with ROLLBACK or ABORT: what failed in a transaction, or since a savepoint, is undone. */
export function rollsBack(text: string): boolean {
  return ROLLBACK.test(withoutNoise(text))
}

/**
 * Whether a statement begins a transaction that it declares READ ONLY, or declares so of one that has just begun: nothing of it is captured. It decides nothing else, and not
 * even that once READ WRITE was heard of.
 */
export function declaresReadOnly(text: string): boolean {
  return READ_ONLY.test(withoutNoise(text)) && !mayDeclareReadWrite(text)
}

/**
 * Whether a part of a text may have been committed though the text failed: several statements in one, or a procedure or block, which
 * may commit in their middle. Errs on the side of yes.
 */
export function mayCommitInPart(text: string): boolean {
  const rest = withoutNoise(text)
  return PROCEDURE.test(rest) || SEVERAL.test(rest)
}

/**
 * Whether a text that failed in an open transaction may have committed it first: several statements in one, with a word that
 * commits. Errs on the side of yes.
 */
export function mayCommitBeforeItsEnd(text: string): boolean {
  return SEVERAL.test(withoutNoise(text)) && COMMITS.test(text)
}

/** Whether a text is one statement that begins a transaction. */
export function beginsTransaction(text: string): boolean {
  return BEGIN.test(withoutNoise(text))
}

/** Whether a statement may take such a declaration back. */
export function mayDeclareReadWrite(text: string): boolean {
  return READ_WRITE.test(text)
}

function withoutNoise(text: string): string {
  let rest = text
  for (let match = LEADING_NOISE.exec(rest); match; match = LEADING_NOISE.exec(rest)) {
    rest = rest.slice(match[0].length)
  }
  return rest
}
