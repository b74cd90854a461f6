import { type Routing, type Scope, tellNotices } from '@flyback/core'
import { currentScope, runInScope, runOutsideScope } from '@flyback/core/scope'
import type { PrismaPg } from '@prisma/adapter-pg'
import { callContext } from './call-context.js'

type PgAdapter = Awaited<ReturnType<PrismaPg['connect']>>

/** What Prisma and its users see of adapter-pg's connected adapter, in the version that is installed. */
export type DriverAdapter = Pick<PgAdapter, keyof PgAdapter>

type Transaction = Awaited<ReturnType<DriverAdapter['startTransaction']>>

const SHARED_BATCHES = {
  code: 'FLYBACK_PRISMA_SHARED_BATCHES',
  message:
    'Prisma sends calls that several HTTP requests make in one tick (findUnique, $transaction) as if the first had made them all: add .$extends(flybackExtension()) to the client, which tells them apart',
}

/**
 * Lets adapter-pg's adapter run over a pool of ours: known writes are refused before a connection is taken, work asked
 * onto the primary goes there, and a transaction keeps the scope it began in.
 */
export function routeAdapter(
  local: DriverAdapter,
  connectPrimary: () => Promise<DriverAdapter>,
  { router }: Routing,
  factory: object,
): DriverAdapter {
  let primary: Promise<DriverAdapter> | undefined

  async function target(): Promise<DriverAdapter> {
    const { hint } = callContext(factory)
    if (hint === 'write') router.choose(currentScope(), hint)
    if (hint !== 'primary') return local
    primary ??= connectPrimary()
    return await primary
  }

  function tellSharedBatches(): void {
    const scope = currentScope()
    if (scope !== undefined && scope.role !== 'single' && !callContext(factory).exact) {
      tellNotices([SHARED_BATCHES])
    }
  }

  return {
    provider: local.provider,
    adapterName: local.adapterName,
    async queryRaw(query) {
      tellSharedBatches()
      return await (await target()).queryRaw(query)
    },
    async executeRaw(query) {
      tellSharedBatches()
      return await (await target()).executeRaw(query)
    },
    async executeScript(script) {
      await (await target()).executeScript(script)
    },
    async startTransaction(isolationLevel) {
      const scope = currentScope()
      return inScope(await (await target()).startTransaction(isolationLevel), scope, factory)
    },
    getConnectionInfo: () => local.getConnectionInfo(),
    underlyingDriver: () => local.underlyingDriver(),
    async dispose() {
      await (await primary)?.dispose()
      await local.dispose()
    },
  }
}

/** A proxy, so that the methods one version has and another has not (savepoints) are there or not. */
function inScope(transaction: Transaction, scope: Scope | undefined, factory: object): Transaction {
  return new Proxy(transaction, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name)
      if (typeof value !== 'function') return value
      return (...args: unknown[]): unknown => {
        const call = (): unknown => Reflect.apply(value, target, args)
        const { exact } = callContext(factory)
        const running = exact ? call() : scope ? runInScope(scope, call) : runOutsideScope(call)
        return isRollback(name, args) ? ended(running) : running
      }
    },
  })
}

/** The statement by which Prisma itself ends a transaction, as it gives it to the adapter. */
function isRollback(method: string | symbol, [query]: unknown[]): boolean {
  return method === 'executeRaw' && Reflect.get(Object(query), 'sql') === 'ROLLBACK'
}

/**
 * A transaction whose ROLLBACK fails is over all the same: a refused scope sends none, and the release of its connection
 * does; a connection that was lost had none to send. When a transaction has timed out, Prisma 7.0 lets the error
 * end the process.
 */
async function ended(running: unknown): Promise<unknown> {
  try {
    return await running
  } catch {
    return 0
  }
}
