import { describe, expect, test } from 'vitest'
import { isCommit, takesAdvisoryLock } from '../../src/index.js'

describe('takesAdvisoryLock', () => {
  test.each([
    'select pg_advisory_lock(1)',
    'SELECT PG_TRY_ADVISORY_LOCK($1)',
    'select pg_advisory_xact_lock(1, 2)',
    'select pg_try_advisory_xact_lock_shared(1)',
    'select pg_catalog.pg_advisory_lock_shared(1)',
  ])('%s', (text) => {
    expect(takesAdvisoryLock(text)).toBe(true)
  })
  test.each(['select pg_advisory_unlock(1)', 'select 1', 'select * from my_pg_advisory_locks'])(
    'not: %s',
    (text) => {
      expect(takesAdvisoryLock(text)).toBe(false)
    },
  )
})

describe('isCommit', () => {
  test.each([
    'COMMIT',
    'commit;',
    '  END',
    '/* trace:1 */ commit',
    '-- x\n-- y\nCommit and chain',
    'end transaction',
  ])('%s', (text) => {
    expect(isCommit(text)).toBe(true)
  })
  test.each(['ROLLBACK', 'committed', 'select 1; commit', '/* commit', '-- commit', 'ending', ''])(
    'not: %s',
    (text) => {
      expect(isCommit(text)).toBe(false)
    },
  )
})
