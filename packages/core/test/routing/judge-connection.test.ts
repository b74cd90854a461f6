import { describe, expect, test } from 'vitest'
import { type ConnectionInput, judgeConnection, type ScopeView } from '../../src/index.js'
import { JUDGE_CONNECTION } from '../../src/routing/judge-connection.js'

const OPEN: ScopeView = {
  state: 'open',
  replayable: true,
  staysHere: false,
  usedReplica: false,
  replayed: false,
  strong: false,
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
  'rule 10: a writer whose timeline ends before what was seen serves nothing': {
    inputs: [{ endpoint: 'writer', facts: primary, freshness: 'old-timeline' }],
    verdict: { outcome: 'old-timeline' },
  },
  'rule 10: a member whose cluster or timeline is unproven leaves the work to the primary': {
    inputs: [{ freshness: 'unproven' }, { facts: primary, freshness: 'unproven' }],
    verdict: { outcome: 'stale' },
  },
  'rule 8: a member that may not be there yet is asked, as a statement of its own': {
    inputs: [
      { freshness: 'unknown' },
      { endpoint: 'writer', facts: primary, freshness: 'unknown' },
    ],
    verdict: { outcome: 'ask' },
  },
  'rule 13: a member that is behind is waited for without its connection': {
    inputs: [{ freshness: 'behind' }],
    verdict: { outcome: 'wait' },
  },
  'any other connection serves, a promoted replica and a read-only primary included': {
    inputs: [
      {},
      { freshness: 'free' },
      { freshness: 'contained' },
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
