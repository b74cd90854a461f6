import { withMembers } from './with-members.js'

/** A connection was asked for on the local side, and the pool gave one of the writer: take it on the other side. */
export class WrongSide extends Error {}

/** A pool's part that matters here; a handle of postgres.js has none of it. */
interface PoolLike {
  connect(): Promise<{ release(): void }>
  readonly options: object
  on(event: 'acquire', fn: (client: object) => void): unknown
}

interface WithPrimary<Side extends object> {
  readonly primary: Side
}

/**
 * A handle as the dialect of the local side sees it: never a connection of the writer. A pool would hand one out when
 * its replica is down, and a dialect that takes it for a local one cancels by process id on the wrong server.
 */
export function localSide<Side extends object>(handle: Side & WithPrimary<Side>): Side {
  const { primary } = handle
  if (!isPool(handle)) return handle
  const members = { options: spreadable(handle.options) }
  if (Object.is(handle, primary) || !isPool(primary)) return withMembers<Side>(handle, members)
  const ofWriter = clientsOf(primary)
  return withMembers<Side>(handle, {
    ...members,
    connect: async () => {
      const client = await handle.connect()
      if (!ofWriter.has(client)) return client
      client.release()
      throw new WrongSide('a connection of the writer')
    },
  })
}

/** A handle's primary, as the dialect of the writer side sees it. The handle itself ends both. */
export function writerSide<Side extends object>({ primary }: WithPrimary<Side>): Side {
  return withMembers<Side>(primary, {
    end: async () => {},
    ...(isPool(primary) && { options: spreadable(primary.options) }),
  })
}

/**
 * Kysely copies a pool's options for the client it cancels with. Flyback's pools hide the connection string from
 * printing, and a copy would lose it.
 */
function spreadable(options: object): object {
  const connectionString: unknown = Reflect.get(options, 'connectionString')
  if (connectionString === undefined) return options
  // `password` is hidden by pg itself; Kysely asks for it by name.
  const copy = Object.defineProperties({}, Object.getOwnPropertyDescriptors(options))
  return Object.defineProperty(copy, 'connectionString', { enumerable: true })
}

const clients = new WeakMap<object, WeakSet<object>>()

/** The clients a pool has handed out, with one listener a pool, however many dialects are made over it. */
function clientsOf(pool: PoolLike): WeakSet<object> {
  const known = clients.get(pool) ?? new WeakSet<object>()
  if (!clients.has(pool)) {
    clients.set(pool, known)
    pool.on('acquire', (client) => known.add(client))
  }
  return known
}

function isPool(handle: object): handle is PoolLike {
  return 'connect' in handle && 'options' in handle && 'on' in handle
}
