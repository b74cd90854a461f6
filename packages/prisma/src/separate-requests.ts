import type { Hint, Scope } from '@flyback/core'
import { bindToCaller, currentScope } from '@flyback/core/scope'
import { callContext, factoryOf, inCallContext } from './call-context.js'
import { asksPrimary, isKnownWrite } from './request-marks.js'

/** What Prisma's DataLoader is made from. Not public: whatever is not as expected is left alone, and the adapter tells. */
interface LoaderOptions {
  batchBy(request: object): string | undefined
  singleLoader(request: object): Promise<unknown>
  batchLoader(requests: readonly object[]): Promise<unknown>
}

/** Who made a request, and what for. */
interface Caller {
  readonly run: <T>(work: () => T) => T
  readonly hint: Hint
}

const separated = new WeakSet<object>()
const numbers = new WeakMap<Scope, number>()
let lastNumber = 0

/**
 * Lets every call of a Prisma client run in the scope of its caller, with the hint that is its own; returns whether that
 * was possible. Users' query hooks have run by then: what they read has no part in it.
 *
 * Prisma collects the `findUnique` calls of one tick, and the statements of transactions, and sends them all in the
 * async context of the first: work of one HTTP request would run in the scope of another (rule 15).
 *
 * @see https://github.com/prisma/prisma/blob/7.10.0/packages/client/src/runtime/DataLoader.ts (read 2026-11-25)
 */
export function separateRequests(client: object): boolean {
  const options = loaderOptions(client)
  if (options === undefined) return false
  if (separated.has(options)) return true
  separated.add(options)
  const { batchBy, singleLoader, batchLoader } = options
  const callers = new WeakMap<object, Caller>()

  function asCaller<T>(requests: readonly object[], work: () => Promise<T>): Promise<T> {
    const asking = requests.map((request) => callers.get(request))
    const hint = strongest(asking.map((caller) => caller?.hint))
    const [first] = asking
    if (first === undefined) return work()
    return first.run(() => inCallContext(client, { hint, exact: true }, work))
  }

  options.batchBy = (request) => {
    const run = bindToCaller((work: () => unknown) => work()) as Caller['run'] // returns what `work` returns
    const hint = hintOf(request, client)
    callers.set(request, { run, hint })
    const key = batchBy(request)
    // A transaction is of one caller, and must stay in one piece.
    if (key === undefined || transactionOf(request) !== undefined) return key
    return `${key}${callerKey(hint)}`
  }
  options.singleLoader = (request) => asCaller([request], () => singleLoader(request))
  options.batchLoader = (requests) => asCaller(requests, () => batchLoader(requests))
  return true
}

function hintOf(request: object, client: object): Hint {
  if (asksPrimary(request)) return 'primary'
  const { hint, exact } = callContext(factoryOf(client))
  const isBatch = Reflect.get(Object(transactionOf(request)), 'kind') === 'batch'
  // Of `$primary().$transaction([...])`, which other clients' operations may be in.
  if (isBatch && !exact && hint === 'primary') return hint
  return isKnownWrite(request) ? 'write' : 'none'
}

/** A batch is one transaction, on one connection: one member on the primary takes all of it there. */
function strongest(hints: readonly (Hint | undefined)[]): Hint {
  return (['primary', 'write'] as const).find((hint) => hints.includes(hint)) ?? 'none'
}

/** What must not share a batch: scopes, each with its own token, and what was asked onto the primary. */
function callerKey(hint: Hint): string {
  const scope = currentScope()
  const onPrimary = hint === 'primary' ? ' on the primary' : ''
  return scope === undefined || scope.role === 'single'
    ? onPrimary
    : ` of ${numberOf(scope)}${onPrimary}`
}

function transactionOf(request: object): unknown {
  return Reflect.get(request, 'transaction')
}

function numberOf(scope: Scope): number {
  const number = numbers.get(scope) ?? ++lastNumber
  numbers.set(scope, number)
  return number
}

function loaderOptions(client: object): LoaderOptions | undefined {
  const handler: unknown = Reflect.get(client, '_requestHandler')
  const loader: unknown = Reflect.get(Object(handler), 'dataloader')
  const options: unknown = Reflect.get(Object(loader), 'options')
  return hasLoaders(options) ? options : undefined
}

function hasLoaders(options: unknown): options is LoaderOptions {
  return ['batchBy', 'singleLoader', 'batchLoader'].every(
    (name) => typeof Reflect.get(Object(options), name) === 'function',
  )
}
