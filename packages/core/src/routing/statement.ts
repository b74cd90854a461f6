/**
 * The two closed exceptions to "never parse SQL". Both err on the harmless side.
 *
 * A hot standby grants advisory locks, but only for itself: the same key can be held on the primary at that moment
 * (measured on PostgreSQL 15 and 18). So the lock functions are matched by name and refused before they are sent.
 */
const ADVISORY_LOCK = /\bpg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\b/i

/** Whether a statement names a function that takes an advisory lock. */
export function takesAdvisoryLock(text: string): boolean {
  return ADVISORY_LOCK.test(text)
}

const LEADING_SPACE_OR_COMMENT = /^(?:\s+|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)/
const COMMIT = /^(?:commit|end)\b/i

/**
 * Whether a statement begins with COMMIT or END. The server answers `ROLLBACK` to one that ends a failed transaction,
 * with no error: the caller would believe in a commit that never was.
 *
 * @see https://www.postgresql.org/docs/18/sql-commit.html (read 2026-11-24)
 */
export function isCommit(text: string): boolean {
  let rest = text
  for (
    let match = LEADING_SPACE_OR_COMMENT.exec(rest);
    match;
    match = LEADING_SPACE_OR_COMMENT.exec(rest)
  ) {
    rest = rest.slice(match[0].length)
  }
  return COMMIT.test(rest)
}
