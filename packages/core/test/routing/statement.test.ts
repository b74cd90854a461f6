import { describe, expect, test } from 'vitest'
import { endsTransaction, isCommit, rollsBack, takesAdvisoryLock } from '../../src/index.js'
import {
  declaresReadOnly,
  mayCommitBeforeItsEnd,
  mayCommitInPart,
  mayDeclareReadWrite,
} from '../../src/routing/statement.js'

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
    '; commit',
    '/* a /* b */ */ commit',
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

describe('endsTransaction', () => {
  test.each([
    'commit',
    'END;',
    'rollback',
    '  ROLLBACK TO SAVEPOINT sp1;',
    'release savepoint sp1 ;',
    '/* x */ abort',
    ';rollback',
  ])('%s', (text) => {
    expect(endsTransaction(text)).toBe(true)
  })
  test.each([
    'commit; select 1',
    'rollback; begin; select 1',
    'rollback to savepoint "a;b"',
    'select 1',
    'releases',
    'savepoint s',
    '',
  ])('not: %s', (text) => {
    expect(endsTransaction(text)).toBe(false)
  })
})

describe('rollsBack', () => {
  test.each(['rollback', ' ABORT;', '/* x */ rollback to savepoint sp1', 'rollback; begin'])(
    '%s',
    (text) => {
      expect(rollsBack(text)).toBe(true)
    },
  )
  test.each(['commit', 'release sp1', 'rollbacks', 'select 1; rollback', ''])('not: %s', (text) => {
    expect(rollsBack(text)).toBe(false)
  })
})

describe('declaresReadOnly', () => {
  test.each([
    'begin read only',
    'BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;',
    '/* x */ start transaction read only',
    'set transaction isolation level serializable, read only',
  ])('%s', (text) => {
    expect(declaresReadOnly(text)).toBe(true)
  })

  test.each([
    'begin',
    'begin read write',
    'start transaction',
    "begin read only; insert into item (name) values ('x')",
    "select 'begin read only'",
    'set transaction read write',
    'begin read only, read write',
    'begin /* read only */',
    'begin -- not read only',
  ])('not %s', (text) => {
    expect(declaresReadOnly(text)).toBe(false)
  })
})

describe('mayDeclareReadWrite', () => {
  test.each([
    'set transaction read write',
    'set transaction read/**/write',
    'set transaction_read_only = off',
    'SET LOCAL "transaction_read_only" TO off',
  ])('%s', (text) => {
    expect(mayDeclareReadWrite(text)).toBe(true)
  })
})

describe('mayCommitBeforeItsEnd', () => {
  test.each([
    'insert into item default values; commit; select 1/0',
    'commit; select 1/0',
    'select 1; /* x */ END',
  ])('%s', (text) => {
    expect(mayCommitBeforeItsEnd(text)).toBe(true)
  })

  test.each(['commit', 'commit;', "insert into item (name) values ('; x')"])('not %s', (text) => {
    expect(mayCommitBeforeItsEnd(text)).toBe(false)
  })
})

describe('mayCommitInPart', () => {
  test.each([
    'begin; insert into item default values; commit; select 1/0',
    'call work()',
    '-- x\nDO $$ begin end $$',
    "insert into item (name) values (';x')",
  ])('%s', (text) => {
    expect(mayCommitInPart(text)).toBe(true)
  })

  test.each(['insert into item default values', 'commit;', 'select 1; '])('not %s', (text) => {
    expect(mayCommitInPart(text)).toBe(false)
  })
})
