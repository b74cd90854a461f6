import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import {
  CommitUnknown,
  ConfigurationError,
  isCommitUnknown,
  PrimaryUnavailable,
  ReplayRequired,
} from '../../src/index.js'

const SECRETS = ['sEcReT-sql', 'sEcReT-param', 'sEcReT-row']
const cause = Object.assign(new Error(SECRETS[0]), { detail: SECRETS[1], where: SECRETS[2] })

describe.each([
  [
    'ReplayRequired',
    new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true, cause }),
  ],
  ['PrimaryUnavailable', new PrimaryUnavailable({ reason: 'standby', cause })],
])('%s', (name, error) => {
  test('rule 19: message, inspect() and JSON show nothing of its cause', () => {
    const shown = [
      error.message,
      String(error),
      inspect(error, { depth: 10, showHidden: true }),
      inspect({ nested: [error] }, { depth: 10 }),
      JSON.stringify(error),
      error.stack,
    ].join('\n')
    expect(shown).toContain(name)
    for (const secret of SECRETS) expect(shown).not.toContain(secret)
  })

  test('the cause stays reachable in code', () => {
    expect(error.cause).toBe(cause)
  })

  test('has no code property, which Prisma would take for its own', () => {
    expect('code' in error).toBe(false)
  })

  test('instanceof holds for an error of another copy of the package', async () => {
    vi.resetModules()
    const copy = await import('../../src/index.js')
    expect(copy.ReplayRequired).not.toBe(ReplayRequired)
    expect(
      error instanceof (name === 'ReplayRequired' ? copy.ReplayRequired : copy.PrimaryUnavailable),
    ).toBe(true)
    expect(error instanceof copy.ConfigurationError).toBe(false)
    expect(error).toBeInstanceOf(Error)
  })
})

describe('rule 18: CommitUnknown', () => {
  const error = new CommitUnknown(cause)

  test('says that the outcome is unknown, by a SQLSTATE that is of no refusal', () => {
    expect(error).toMatchObject({ name: 'CommitUnknown', code: '40003', cause })
    expect(error.message).toMatch(/unknown/)
    expect(isCommitUnknown(error)).toBe(true)
    expect(error instanceof ReplayRequired).toBe(false)
  })

  test('rule 19: shows nothing of its cause', () => {
    const shown = [error.message, inspect(error, { depth: 10 }), JSON.stringify(error)].join()
    for (const secret of SECRETS) expect(shown).not.toContain(secret)
  })

  test.each([undefined, null, '40003', { code: '40003' }, cause])('%o is none', (value) => {
    expect(isCommitUnknown(value)).toBe(false)
  })
})

test.each([
  ['standby', /in recovery/],
  ['read-only', /read-only/],
  ['role-changed', /promoted/],
  ['unreachable', /writerDeadlineMs/],
] as const)('PrimaryUnavailable(%s) says why', (reason, says) => {
  expect(new PrimaryUnavailable({ reason }).message).toMatch(says)
})

test('a subclass keeps its own instanceof', () => {
  class Special extends ReplayRequired {}
  const plain = new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
  const special = new Special({ region: 'ewr', reason: 'write', replayable: true })
  expect(plain instanceof Special).toBe(false)
  expect(special instanceof Special).toBe(true)
  expect(special instanceof ReplayRequired).toBe(true)
})

test('says where the work belongs, why, and whether it can be replayed', () => {
  const error = new ReplayRequired({ region: 'ewr', reason: 'required', replayable: false })
  expect(error.name).toBe('ReplayRequired')
  expect(error.message).toMatch(/primary region \(ewr\).*requirePrimary.*no longer be replayed/)
  expect(JSON.parse(JSON.stringify(error))).toEqual({
    region: 'ewr',
    reason: 'required',
    replayable: false,
  })
})

test('a ConfigurationError names its setting', () => {
  const error = new ConfigurationError('DATABASE_URL', 'is not a URL')
  expect(error).toMatchObject({
    name: 'ConfigurationError',
    setting: 'DATABASE_URL',
    message: 'DATABASE_URL is not a URL',
  })
})
