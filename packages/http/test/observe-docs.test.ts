import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { PrimaryUnavailableReason, ReplayReason } from '@flyback/core'
import { expect, test } from 'vitest'
import type {
  FlybackEvents,
  PrimaryUnavailableEvent,
  RefusalEvent,
  RequestEnded,
  RequestOutcome,
  RequestReason,
  RetryEvent,
  RetryReason,
  StatementEnded,
  StatementOutcome,
} from '../src/index.js'

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/observe.md'), 'utf8')
const OTEL = join(import.meta.dirname, '../src/otel')

/** All words of a union: the compiler refuses one too many, and one too few. */
const words = <Word extends string>(all: Record<Word, true>): string[] =>
  Object.keys(all).toSorted()

const REPLAY_REASONS: Record<ReplayReason, true> = {
  write: true,
  ambiguous: true,
  'known-write': true,
  required: true,
  'mixed-reads': true,
  'replica-unavailable': true,
  stale: true,
}

/** The rows of the first table with this head after a heading, as cells. */
function table(heading: string, head: string): string[][] {
  const [, ...rest] = PAGE.split(`${heading}\n`)
  const lines = rest.join('').split('\n')
  const at = lines.findIndex((line) => line.startsWith(`| ${head} `))
  const end = lines.findIndex((line, index) => index > at && !line.startsWith('|'))
  return lines.slice(at + 2, end).map((line) => line.split('|').slice(1, -1))
}

/** What is in backticks in a cell. */
const quoted = (cell = ''): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, word = '']) => word)

const first = (heading: string, head: string): string[] =>
  table(heading, head)
    .flatMap(([cell]) => quoted(cell))
    .toSorted()

test('the page has every channel', () => {
  const channels = words<keyof FlybackEvents>({
    'flyback:request:start': true,
    'flyback:request:end': true,
    'flyback:statement:start': true,
    'flyback:statement:end': true,
    'flyback:refusal': true,
    'flyback:retry': true,
    'flyback:primary-unavailable': true,
  })
  expect(first('## Channels', 'channel')).toEqual(channels)
})

test('the page has every field and every word of a request', () => {
  const fields = words<keyof RequestEnded>({
    region: true,
    primaryRegion: true,
    role: true,
    method: true,
    path: true,
    policy: true,
    policyBy: true,
    origin: true,
    route: true,
    outcome: true,
    reason: true,
    answeredBy: true,
    status: true,
    completed: true,
    durationMs: true,
  })
  expect(first('### A request', 'field')).toEqual(fields)
  const outcomes = words<RequestOutcome>({
    served: true,
    forwarded: true,
    replayed: true,
    refused: true,
    broken: true,
    abandoned: true,
  })
  expect(first('### A request', 'outcome')).toEqual(outcomes)
  const reasons = words<RequestReason>({
    'primary-region': true,
    local: true,
    method: true,
    route: true,
    ...REPLAY_REASONS,
    policy: true,
    'no-platform': true,
    'came-back': true,
    'too-large': true,
    asked: true,
    'no-replica': true,
    'replica-down': true,
    'recovery-conflict': true,
    promoted: true,
    strong: true,
    busy: true,
    'old-timeline': true,
    aborted: true,
  })
  expect(first('### A request', 'reason')).toEqual(reasons)
})

test('the page has every field and every word of a statement', () => {
  const fields = words<keyof StatementEnded>({
    request: true,
    endpoint: true,
    reason: true,
    attempt: true,
    member: true,
    memberBy: true,
    serverAddress: true,
    serverPort: true,
    database: true,
    outcome: true,
    sqlstate: true,
    durationMs: true,
  })
  expect(first('### A statement', 'field')).toEqual(fields)
  const outcomes = words<StatementOutcome>({
    answered: true,
    failed: true,
    refused: true,
    retried: true,
    'primary-unavailable': true,
  })
  expect(first('### A statement', 'outcome')).toEqual(outcomes)
})

test('the page has every field and every word of the other channels', () => {
  const retries: Record<RetryReason, true> = {
    'replica-down': true,
    'recovery-conflict': true,
    write: true,
    forwarding: true,
  }
  const unavailable: Record<PrimaryUnavailableReason, true> = {
    standby: true,
    'read-only': true,
    'role-changed': true,
    unreachable: true,
    busy: true,
    'old-timeline': true,
  }
  const rows = table('### The others', 'channel').map((row) =>
    row.map((cell) => quoted(cell).toSorted()),
  )
  expect(rows).toEqual([
    [
      ['flyback:refusal'],
      words<keyof RefusalEvent>({ request: true, reason: true, region: true, replayable: true }),
      words(REPLAY_REASONS),
    ],
    [
      ['flyback:retry'],
      words<keyof RetryEvent>({ request: true, reason: true, on: true }),
      words(retries),
    ],
    [
      ['flyback:primary-unavailable'],
      words<keyof PrimaryUnavailableEvent>({ request: true, reason: true }),
      words(unavailable),
    ],
  ])
})

test('the page has every attribute and every metric', () => {
  const source = readdirSync(OTEL)
    .map((file) => readFileSync(join(OTEL, file), 'utf8'))
    .join('\n')
  const found = [...source.matchAll(/'([a-z_]+(?:\.[a-z_]+)+)'/g)].map(([, name = '']) => name)
  const names = new Set(
    found.filter((name) => !['flyback.broken', 'flyback.failed'].includes(name)),
  )
  const documented = [
    ...first('### Spans', 'span'),
    ...first('### Spans', 'attribute'),
    ...first('### Metrics', 'metric'),
    ...table('### Metrics', 'metric').flatMap((row) => quoted(row[3])),
  ]
  expect([...new Set(documented)].toSorted()).toEqual([...names].toSorted())
})
