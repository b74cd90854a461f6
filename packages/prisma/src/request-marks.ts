import { WRITES } from './operations.js'

/** On the client extensions, of which Prisma keeps a list with each request. */
const KNOWN_WRITES: unique symbol = Symbol('flyback.known-writes')
const ON_PRIMARY: unique symbol = Symbol('flyback.on-primary')

/** For the `client` part of an extension: its clients' writes are known before they are sent. */
export const KNOWS_WRITES: object = { [KNOWN_WRITES]: true }

/** For the `client` part of an extension: its clients ask everything onto the primary. */
export const ASKS_PRIMARY: object = { [ON_PRIMARY]: true }

/** Whether a request of Prisma's was made by a client of `$primary()`. */
export function asksPrimary(request: object): boolean {
  return isMarked(Reflect.get(request, 'extensions'), ON_PRIMARY)
}

/** Whether a client is one of `$primary()`, and its requests will say so. */
export function isOnPrimary(client: object): boolean {
  return isMarked(Reflect.get(client, '_extensions'), ON_PRIMARY)
}

/** Whether a request of Prisma's is a write of a model, of a client with the extension. */
export function isKnownWrite(request: object): boolean {
  const action: unknown = Reflect.get(request, 'action')
  return (
    WRITES.some((name) => name === action) &&
    isMarked(Reflect.get(request, 'extensions'), KNOWN_WRITES)
  )
}

/** `extensions` is Prisma's MergedExtensionsList: not public, and the same in 7.0 and 7.10. */
function isMarked(extensions: unknown, mark: symbol): boolean {
  const list = Object(extensions)
  const all: unknown = Reflect.get(list, 'getAllClientExtensions')
  if (typeof all !== 'function') return false
  return Reflect.get(Object(Reflect.apply(all, list, [])), mark) === true
}
