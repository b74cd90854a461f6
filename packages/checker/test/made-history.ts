import type {
  Delivery,
  Fault,
  History,
  Operation,
  Outcome,
  Request,
} from '../src/history/history.ts'

/** A request that took from `atMs` to a millisecond later, in one delivery. */
export function request(
  id: number,
  atMs: number,
  operations: readonly Partial<Operation>[],
  more: Partial<Request> = {},
): Request {
  const { level = 'session' } = more
  const delivery: Delivery = {
    region: 'ewr',
    beginMs: atMs,
    status: 200,
    operations: operations.map((operation) => ({
      kind: operation.seen === undefined ? 'write' : 'read',
      level,
      beginMs: atMs,
      endMs: atMs + 0.5,
      outcome: 'done',
      member: 'ewr',
      role: 'primary',
      ...operation,
    })),
  }
  return {
    id,
    client: 'c0',
    method: 'GET',
    level,
    region: 'ewr',
    sentMs: atMs,
    token: [],
    deliveries: [delivery],
    receivedMs: atMs + 1,
    receivedAt: 1000,
    status: 200,
    ...more,
  }
}

export const wrote = (tag: string): Partial<Operation> => ({ tag })
export const saw = (...tags: string[]): Partial<Operation> => ({ seen: [tags] })

/** @param tags what is there in the end @default all that was written */
export function history(
  requests: readonly Request[],
  { tags, faults = [], ...outcome }: Partial<Outcome> & { readonly faults?: readonly Fault[] } = {},
): History {
  const written = requests.flatMap(({ deliveries }) =>
    deliveries.flatMap(({ operations }) => operations.flatMap(({ tag }) => tag ?? [])),
  )
  return {
    withinMs: 60,
    requests,
    faults,
    outcome: { tags: tags ?? written, timeline: 1, switches: new Map(), ...outcome },
  }
}
