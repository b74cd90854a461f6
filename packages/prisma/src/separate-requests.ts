import type { Scope } from '@flyback/core'
import { bindToCaller, currentScope } from '@flyback/core/scope'
import { callContext, inCallContext } from './call-context.js'

/** What Prisma's DataLoader is made from. Not public: whatever is not as expected is left alone, and the adapter tells. */
interface LoaderOptions {
  batchBy(request: object): string | undefined
  singleLoader(request: object): Promise<unknown>
  batchLoader(requests: readonly object[]): Promise<unknown>
}

type Run = <T>(work: () => T) => T

const separated = new WeakSet<object>()
const numbers = new WeakMap<Scope, number>()
let lastNumber = 0

/**
 * Lets every call of a Prisma client run in the scope of its caller.
 *
 * Prisma collects the `findUnique` calls of one tick, and the statements of transactions, and sends them all in the
 * async context of the first: work of one HTTP request would run in the scope of another (rule 15).
 *
 * @see https://github.com/prisma/prisma/blob/7.10.0/packages/client/src/runtime/DataLoader.ts (read 2026-11-25)
 */
export function separateRequests(client: object): void {
  const options = loaderOptions(client)
  if (options === undefined || separated.has(options)) return
  separated.add(options)
  const { batchBy, singleLoader, batchLoader } = options
  const callers = new WeakMap<object, Run>()

  function asCaller<T>(request: object | undefined, work: () => T): T {
    const run = request === undefined ? undefined : callers.get(request)
    return run === undefined ? work() : run(() => inCallContext({ exact: true }, work))
  }

  options.batchBy = (request) => {
    callers.set(
      request,
      bindToCaller((work: () => unknown) => work()) as Run, // returns what `work` returns
    )
    const key = batchBy(request)
    // A transaction is of one caller, and must stay in one piece.
    if (key === undefined || Reflect.get(request, 'transaction') !== undefined) return key
    return `${key}${callerKey()}`
  }
  options.singleLoader = (request) => asCaller(request, () => singleLoader(request))
  options.batchLoader = (requests) => asCaller(requests[0], () => batchLoader(requests))
}

/** What must not share a batch: scopes in a replica region, and what was asked onto the primary. */
function callerKey(): string {
  const scope = currentScope()
  const onPrimary = callContext().hint === 'primary' ? ' on the primary' : ''
  return scope?.role === 'replica' ? ` of ${numberOf(scope)}${onPrimary}` : onPrimary
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
