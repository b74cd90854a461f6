import { describe, expect, test } from 'vitest'
import { type ConnectionInput, judgeConnection, type ScopeView } from '../../src/index.js'
import { JUDGE_CONNECTION } from '../../src/routing/judge-connection.js'

const OPEN: ScopeView = {
  state: 'open',
  replayable: true,
  staysHere: false,
  usedReplica: false,
  replayed: false,
}
const SERVING: ConnectionInput = {
  scope: OPEN,
  endpoint: 'replica',
  facts: { inHotStandby: true, defaultReadOnly: false },
  outdated: false,
}
const standby = { inHotStandby: true, defaultReadOnly: false }
const primary = { inHotStandby: false, defaultReadOnly: false }

const EXAMPLES: Record<string, { inputs: Partial<ConnectionInput>[]; verdict: object }> = {
  'a scope refused while it waited for a connection sends nothing on it': {
    inputs: [{ scope: { ...OPEN, state: 'replaying' } }],
    verdict: { outcome: 'refused' },
  },
  'a replica connection is left when its scope began to forward while it waited': {
    inputs: [
      { scope: { ...OPEN, state: 'forwarding', replayable: false } },
      { scope: { ...OPEN, state: 'forwarding', replayable: false }, outdated: true },
    ],
    verdict: { outcome: 'writer' },
  },
  'a writer connection that announced in_hot_standby=on is retired': {
    inputs: [
      { endpoint: 'writer', facts: standby },
      { endpoint: 'writer', facts: standby, scope: undefined },
    ],
    verdict: { outcome: 'retire', because: 'standby' },
  },
  'a connection of an old epoch is retired': {
    inputs: [{ outdated: true }, { endpoint: 'writer', facts: primary, outdated: true }],
    verdict: { outcome: 'retire', because: 'outdated' },
  },
  'any other connection serves, a promoted replica and a read-only primary included': {
    inputs: [
      {},
      { facts: primary },
      { endpoint: 'writer', facts: { inHotStandby: false, defaultReadOnly: true } },
      { endpoint: 'writer', facts: { inHotStandby: undefined, defaultReadOnly: undefined } },
    ],
    verdict: { outcome: 'serve' },
  },
}

describe('judgeConnection', () => {
  test.each(JUDGE_CONNECTION.map((row) => row.title))('%s', (title) => {
    const example = EXAMPLES[title]
    expect(example, 'every row has examples').toBeDefined()
    for (const input of example?.inputs ?? []) {
      const full = { ...SERVING, ...input }
      expect(JUDGE_CONNECTION.find((row) => row.when(full))?.title).toBe(title)
      expect(judgeConnection(full)).toEqual(example?.verdict)
    }
  })
})
