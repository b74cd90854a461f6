import { describe, expect, test } from 'vitest'
import { type ChooseInput, chooseEndpoint, type ScopeView } from '../../src/index.js'
import { CHOOSE_ENDPOINT } from '../../src/routing/choose-endpoint.js'

const OPEN: ScopeView = {
  state: 'open',
  replayable: true,
  staysHere: false,
  usedReplica: false,
  replayed: false,
  strong: false,
}
const HERE: ScopeView = { ...OPEN, replayable: false, staysHere: true }
const REPLICA: ChooseInput = { role: 'replica', hasReplica: true, scope: OPEN, hint: 'none' }

/** Per row of the table: inputs that it decides, and what a row nearby must not take from it. */
const EXAMPLES: Record<string, { inputs: Partial<ChooseInput>[]; outcome: object }> = {
  'roles single and primary use the writer endpoint': {
    inputs: [
      { role: 'single' },
      { role: 'primary' },
      { role: 'primary', hint: 'write' },
      { role: 'single', scope: { ...OPEN, state: 'replaying' } },
    ],
    outcome: { outcome: 'writer' },
  },
  'a replaying scope sends nothing': {
    inputs: [
      { scope: { ...OPEN, state: 'replaying' } },
      { scope: { ...OPEN, state: 'replaying' }, hint: 'primary' },
      { scope: { ...OPEN, state: 'replaying' }, hasReplica: false },
    ],
    outcome: { outcome: 'throw' },
  },
  'a forwarding scope uses the writer endpoint for everything': {
    inputs: [
      { scope: { ...OPEN, state: 'forwarding', replayable: false } },
      { scope: { ...OPEN, state: 'forwarding', replayable: false }, hint: 'write' },
    ],
    outcome: { outcome: 'writer' },
  },
  'without a known replica endpoint everything uses the writer endpoint': {
    inputs: [{ hasReplica: false }, { hasReplica: false, hint: 'write' }],
    outcome: { outcome: 'writer', because: 'no-replica' },
  },
  'work asked onto the primary after reads of the replica is replayed': {
    inputs: [{ hint: 'primary', scope: { ...OPEN, usedReplica: true } }],
    outcome: { outcome: 'throw', reason: 'mixed-reads' },
  },
  'work asked onto the primary uses the writer endpoint': {
    inputs: [
      { hint: 'primary' },
      { hint: 'primary', scope: undefined },
      { hint: 'primary', scope: { ...OPEN, usedReplica: true, replayable: false } },
    ],
    outcome: { outcome: 'writer', because: 'asked' },
  },
  'a strong read after reads of the replica is replayed': {
    inputs: [{ scope: { ...OPEN, strong: true, usedReplica: true } }],
    outcome: { outcome: 'throw', reason: 'mixed-reads' },
  },
  'a strong read uses the writer endpoint': {
    inputs: [
      { scope: { ...OPEN, strong: true } },
      { scope: { ...HERE, strong: true, usedReplica: true } },
    ],
    outcome: { outcome: 'writer', because: 'strong' },
  },
  'a write known before it is sent uses the writer endpoint when its request could never be replayed':
    {
      inputs: [{ hint: 'write', scope: HERE }],
      outcome: { outcome: 'writer', because: 'write' },
    },
  'a write known before it is sent is refused with no round trip': {
    inputs: [
      { hint: 'write' },
      { hint: 'write', scope: undefined },
      { hint: 'write', scope: { ...OPEN, replayable: false } },
    ],
    outcome: { outcome: 'throw', reason: 'known-write' },
  },
  'everything else uses the replica endpoint': {
    inputs: [{}, { scope: undefined }, { scope: { ...OPEN, usedReplica: true } }, { scope: HERE }],
    outcome: { outcome: 'replica' },
  },
}

describe('chooseEndpoint', () => {
  test.each(CHOOSE_ENDPOINT.map((row) => row.title))('%s', (title) => {
    const example = EXAMPLES[title]
    expect(example, 'every row has examples').toBeDefined()
    for (const input of example?.inputs ?? []) {
      const full = { ...REPLICA, ...input }
      expect(CHOOSE_ENDPOINT.find((row) => row.when(full))?.title).toBe(title)
      expect(chooseEndpoint(full)).toMatchObject(example?.outcome ?? {})
    }
  })

  test('rule 12: no input in a forwarding scope leads to the replica endpoint', () => {
    const scope: ScopeView = { ...OPEN, state: 'forwarding', replayable: false }
    for (const hint of ['none', 'write', 'primary'] as const) {
      for (const usedReplica of [true, false]) {
        expect(chooseEndpoint({ ...REPLICA, hint, scope: { ...scope, usedReplica } })).toEqual({
          outcome: 'writer',
        })
      }
    }
  })

  test('rule 3: roles primary and single never throw', () => {
    for (const role of ['primary', 'single'] as const) {
      for (const state of ['open', 'replaying', 'forwarding'] as const) {
        for (const hint of ['none', 'write', 'primary'] as const) {
          expect(
            chooseEndpoint({ ...REPLICA, role, hint, scope: { ...OPEN, state } }).outcome,
          ).toBe('writer')
        }
      }
    }
  })
})
