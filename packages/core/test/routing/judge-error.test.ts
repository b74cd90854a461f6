import { describe, expect, test } from 'vitest'
import { type ErrorInput, judgeError, ReplayRequired, type ScopeView } from '../../src/index.js'
import { JUDGE_ERROR } from '../../src/routing/judge-error.js'

const OPEN: ScopeView = {
  state: 'open',
  replayable: true,
  staysHere: false,
  usedReplica: true,
  replayed: false,
  strong: false,
}
const HERE: ScopeView = { ...OPEN, replayable: false, staysHere: true }
const FORWARDING: ScopeView = { ...OPEN, state: 'forwarding', replayable: false }

const server = (code: string, routine?: string): object => ({ severity: 'ERROR', code, routine })
const write = server('25006', 'PreventCommandIfReadOnly')
const ambiguous = server('0A000')
const conflict = server('40001', 'ProcessInterrupts')
const down = { code: 'ECONNREFUSED' }

const standby = { inHotStandby: true, defaultReadOnly: false }
const primary = { inHotStandby: false, defaultReadOnly: false }
const readOnly = { inHotStandby: false, defaultReadOnly: true }
const unknown = { inHotStandby: undefined, defaultReadOnly: undefined }

const REPLICA: ErrorInput = {
  role: 'replica',
  scope: OPEN,
  endpoint: 'replica',
  facts: standby,
  refusedBefore: false,
  retryable: false,
  attempt: 0,
  connectionLost: false,
  whenReplicaDown: 'forward',
  error: write,
}

const EXAMPLES: Record<string, { inputs: Partial<ErrorInput>[]; outcome: object }> = {
  'role single keeps the error of its driver': {
    inputs: [
      { role: 'single', endpoint: 'writer' },
      { role: 'single', error: down, retryable: true },
    ],
    outcome: { outcome: 'driver-error' },
  },
  'an error that already is a ReplayRequired passes': {
    inputs: [
      {
        error: new Error('wrapped', {
          cause: new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true }),
        }),
      },
    ],
    outcome: { outcome: 'driver-error' },
  },
  'a refusal by a writer that announced in_hot_standby=on is PrimaryUnavailable(standby)': {
    inputs: [
      { endpoint: 'writer', scope: FORWARDING },
      { endpoint: 'writer', role: 'primary', error: server('0A000', 'call_bool_check_hook') },
    ],
    outcome: { outcome: 'primary-unavailable', reason: 'standby' },
  },
  'a refusal by a writer that announced a read-only default is PrimaryUnavailable(read-only)': {
    inputs: [
      { endpoint: 'writer', facts: readOnly },
      { endpoint: 'writer', role: 'primary', facts: readOnly },
    ],
    outcome: { outcome: 'primary-unavailable', reason: 'read-only' },
  },
  'any other error of the writer endpoint is the error of its driver': {
    inputs: [
      { endpoint: 'writer', facts: primary },
      { endpoint: 'writer', facts: unknown },
      { endpoint: 'writer', facts: primary, error: conflict, retryable: true },
      { endpoint: 'writer', facts: primary, error: down, retryable: true },
      { endpoint: 'writer', facts: primary, role: 'primary' },
      { endpoint: 'writer', facts: readOnly, error: ambiguous },
    ],
    outcome: { outcome: 'driver-error' },
  },
  'a refusal by a replica endpoint that is read-only but not in recovery is PrimaryUnavailable(read-only)':
    {
      inputs: [{ facts: readOnly }],
      outcome: { outcome: 'primary-unavailable', reason: 'read-only' },
    },
  'a refusal by a replica endpoint that was promoted is PrimaryUnavailable(role-changed)': {
    inputs: [{ facts: primary }, { facts: primary, scope: undefined }],
    outcome: { outcome: 'primary-unavailable', reason: 'role-changed' },
  },
  'a transaction that failed after a refusal reports that refusal': {
    inputs: [{ error: server('25P02'), refusedBefore: true }],
    outcome: { outcome: 'first-refusal' },
  },
  'a refusal in a scope that forwards meanwhile runs on the writer when nothing is lost by it': {
    inputs: [
      { scope: FORWARDING, retryable: true },
      { scope: FORWARDING, retryable: true, error: ambiguous },
    ],
    outcome: { outcome: 'retry', on: 'writer', because: 'forwarding' },
  },
  'a refusal in a scope that could never be replayed runs on the writer when nothing is lost by it':
    {
      inputs: [
        { scope: HERE, retryable: true },
        { scope: HERE, retryable: true, error: ambiguous },
      ],
      outcome: { outcome: 'retry', on: 'writer', because: 'write' },
    },
  'an ambiguous refusal of a request that was already replayed is the error of its driver': {
    inputs: [{ error: ambiguous, scope: { ...OPEN, replayed: true } }],
    outcome: { outcome: 'driver-error' },
  },
  'an ambiguous refusal by a standby is ReplayRequired(ambiguous)': {
    inputs: [
      { error: ambiguous },
      { error: server('55000') },
      { error: server('XX000') },
      { error: { originalCode: '0A000', kind: 'postgres' }, scope: undefined },
    ],
    outcome: { outcome: 'replay', reason: 'ambiguous' },
  },
  'a refusal by a standby is ReplayRequired(write)': {
    inputs: [
      {},
      { scope: undefined },
      { facts: unknown },
      { scope: FORWARDING },
      { scope: HERE },
      { scope: { ...OPEN, replayable: false }, retryable: true },
      { error: server('25006', 'exec_stmt_raise') },
      { error: server('0A000', 'call_bool_check_hook') },
      { error: server('0A000', 'get_relation_info') },
      { error: server('55000', 'pg_current_wal_lsn') },
      { error: server('XX000', 'GetNewObjectId') },
      { error: new Error('wrapped', { cause: write }) },
    ],
    outcome: { outcome: 'replay', reason: 'write' },
  },
  'whatever else a promoted replica answers, or loses, is the error of its driver': {
    inputs: [
      { facts: primary, error: conflict, retryable: true },
      { facts: primary, error: down, retryable: true },
      { facts: primary, error: server('57P01'), retryable: true, whenReplicaDown: 'replay' },
      {
        facts: primary,
        error: new Error('Connection terminated'),
        retryable: true,
        connectionLost: true,
      },
    ],
    outcome: { outcome: 'driver-error' },
  },
  'a recovery conflict runs once more on the replica': {
    inputs: [
      { error: conflict, retryable: true },
      { error: server('40P01'), retryable: true },
    ],
    outcome: { outcome: 'retry', on: 'replica', because: 'recovery-conflict' },
  },
  'a second recovery conflict runs on the writer': {
    inputs: [{ error: conflict, retryable: true, attempt: 1 }],
    outcome: { outcome: 'retry', on: 'writer', because: 'recovery-conflict' },
  },
  'a replica that cannot be reached leaves the work to the writer': {
    inputs: [
      { error: down, retryable: true },
      { error: server('57P03'), retryable: true },
      {
        error: new Error('Connection terminated unexpectedly'),
        retryable: true,
        connectionLost: true,
      },
      { error: down, retryable: true, whenReplicaDown: 'replay', scope: HERE },
    ],
    outcome: { outcome: 'retry', on: 'writer', because: 'replica-down' },
  },
  'a replica that cannot be reached replays the request, by option': {
    inputs: [{ error: down, retryable: true, whenReplicaDown: 'replay' }],
    outcome: { outcome: 'replay', reason: 'replica-unavailable' },
  },
  'everything else is the error of its driver': {
    inputs: [
      { error: server('23505') },
      { error: server('25P02') },
      { error: server('0A000', 'RevalidateCachedQuery') },
      { error: server('55000', 'currval_oid') },
      { error: { code: '25006' } },
      { error: { code: 'P2039', severity: 'ERROR' } },
      { error: conflict },
      { error: down },
      { error: down, retryable: true, whenReplicaDown: 'fail' },
      { error: undefined },
      { error: 'a string' },
    ],
    outcome: { outcome: 'driver-error' },
  },
}

describe('judgeError', () => {
  test.each(JUDGE_ERROR.map((row) => row.title))('%s', (title) => {
    const example = EXAMPLES[title]
    expect(example, 'every row has examples').toBeDefined()
    for (const input of example?.inputs ?? []) {
      expect(judgeError({ ...REPLICA, ...input })).toEqual(example?.outcome)
    }
  })

  test('rule 4: no error of the writer endpoint is a replay, in any role, scope or state of the server', () => {
    for (const role of ['replica', 'primary', 'single'] as const) {
      for (const scope of [undefined, OPEN, FORWARDING, HERE]) {
        for (const facts of [standby, primary, readOnly, unknown]) {
          for (const error of [write, ambiguous, conflict, down, server('25P02')]) {
            for (const retryable of [true, false]) {
              const outcome = judgeError({
                ...REPLICA,
                endpoint: 'writer',
                role,
                scope,
                facts,
                error,
                retryable,
              })
              expect(['driver-error', 'primary-unavailable']).toContain(outcome.outcome)
            }
          }
        }
      }
    }
  })
})
