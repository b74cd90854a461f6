/** Where a connection leads by configuration. */
export type EndpointName = 'writer' | 'replica'

/** What is known about one connection. Nothing learned on one is assumed of another. */
export interface ConnectionFacts {
  /** What the server announced; `undefined` before PostgreSQL 14 and through some poolers: then assumed from the endpoint. */
  inHotStandby: boolean | undefined
  defaultReadOnly: boolean | undefined
  /** The major version the server announced. */
  serverVersion?: number | undefined
}

/** Facts before the server has said anything. */
export function unknownFacts(): ConnectionFacts {
  return { inHotStandby: undefined, defaultReadOnly: undefined }
}

/**
 * Takes in one ParameterStatus message; others than the two that tell a role, and its version, are ignored.
 * The server sends them at connect and on change (one answer late), since PostgreSQL 14.
 *
 * @see https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-ASYNC (read 2026-11-24)
 */
export function learnParameter(facts: ConnectionFacts, name: string, value: string): void {
  if (name === 'in_hot_standby') facts.inHotStandby = value === 'on'
  if (name === 'default_transaction_read_only') facts.defaultReadOnly = value === 'on'
  if (name === 'server_version') facts.serverVersion = Number.parseInt(value, 10) || undefined
}

/** Whether the server behind a connection is a standby, by announcement or else by its endpoint. */
export function isStandby(endpoint: EndpointName, facts: ConnectionFacts): boolean {
  return facts.inHotStandby ?? endpoint === 'replica'
}
