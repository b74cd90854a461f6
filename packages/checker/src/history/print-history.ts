import type { Violation } from '../verifiers/violation.ts'
import type { Entry, Fault, History, Operation, Request } from './history.ts'
import { printEntry } from './print-entry.ts'

interface Line {
  readonly atMs: number
  readonly cells: readonly string[]
}

const HEAD = [
  'ms',
  'client',
  'request',
  'region',
  'level',
  'token',
  'what',
  'answer',
  'token after',
]

/** A history as a table, in the order of time: what was sent, what each app did for it, and what reached the client. */
export function printHistory(history: History, violations: readonly Violation[] = []): string {
  const { requests, faults } = history
  const begin = Math.min(
    ...requests.map(({ sentMs }) => sentMs),
    ...faults.map(({ beginMs }) => beginMs),
  )
  const lines = [
    ...requests.map((request) => requestLine(request, begin)),
    ...faults.map((fault) => faultLine(fault, begin)),
  ].toSorted((one, other) => one.atMs - other.atMs)
  const table = align([HEAD, ...lines.map(({ cells }) => cells)])
  const found = violations.map(
    ({ promise, requests: ids, what }) =>
      `${promise}: requests ${ids.map((id) => `#${id}`).join(', ')}: ${what}`,
  )
  return [...table, ...found].join('\n')
}

function requestLine(request: Request, begin: number): Line {
  const { id, client, method, region, level, sentMs, status, receivedMs, tokenAfter } = request
  const did = request.deliveries.flatMap((delivery) => [
    ...(delivery.region === region ? [] : [`-> ${delivery.region}`]),
    ...delivery.operations.map((operation) => describeOperation(operation, level)),
    ...(delivery.status === 409 ? ['replay'] : []),
  ])
  const handed = request.handedOver === undefined ? [] : [`with #${request.handedOver}`]
  const arrival = receivedMs === undefined ? 'never' : `at ${(receivedMs - begin).toFixed(0)}`
  const cells = [
    (sentMs - begin).toFixed(0),
    client,
    `#${id} ${method}`,
    region,
    level,
    [...printEntries(request.token), ...handed].join(' '),
    did.join(', '),
    `${status ?? 'none'} ${arrival}`,
    printEntries(tokenAfter ?? []).join(' '),
  ]
  return { atMs: sentMs, cells }
}

function faultLine({ what, beginMs, endMs }: Fault, begin: number): Line {
  const cells = [
    (beginMs - begin).toFixed(0),
    '',
    '',
    '',
    '',
    '',
    what,
    `until ${(endMs - begin).toFixed(0)}`,
    '',
  ]
  return { atMs: beginMs, cells }
}

function describeOperation(
  { kind, tag, seen, role, member, level: own, outcome, error }: Operation,
  level: string,
): string {
  const at = own === level ? '' : ` (${own})`
  const by = role === undefined ? '' : ` ${role} ${member}`
  const end =
    outcome === 'done' ? '' : ` ${outcome ?? 'unfinished'}${error === undefined ? '' : ` ${error}`}`
  const states = seen?.map((tags) => `{${tags.join(' ')}}`).join(' ') ?? ''
  return `${kind}${at}${tag === undefined ? '' : ` ${tag}`}${states === '' ? '' : ` ${states}`}${by}${end}`
}

function printEntries(entries: readonly Entry[]): string[] {
  return entries.map(printEntry)
}

function align(rows: readonly (readonly string[])[]): string[] {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
}
