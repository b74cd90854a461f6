import type { Types } from '@prisma/client/runtime/client'
import { callContext, inCallContext } from './call-context.js'
import { WRITES } from './operations.js'
import { separateRequests } from './separate-requests.js'

/** What the extension adds to a client, in the terms of Prisma's `$extends`. */
export type FlybackExtensionArgs = Types.Extensions.DefaultArgs & {
  client: {
    $primary: () => <Client>(this: Client) => Client
  }
}

/** An extension as `$extends` takes it. */
export type FlybackExtension = (client: object) => { $extends: { extArgs: FlybackExtensionArgs } }

interface QueryCall {
  readonly args: unknown
  query(args: unknown): PromiseLike<unknown>
}

/** The part of any Prisma client that is used here; its own types need the generated models. */
interface AnyClient {
  $extends?(extension: object): AnyClient
  $transaction(...args: unknown[]): Promise<unknown>
}

const onPrimary = new WeakMap<AnyClient, AnyClient>()

/**
 * Makes the extension for `$extends`. It lets every call run in the scope of its caller, also where Prisma batches the
 * calls of several HTTP requests; raises ReplayRequired for writes of models before anything is sent; and adds
 * `$primary()`, the same client on the primary: using it in a replica region makes the scope `forwarding`.
 *
 * @example
 * const prisma = new PrismaClient({ adapter: new PrismaFlyback() }).$extends(flybackExtension())
 * const fresh = await prisma.$primary().post.findMany()
 */
export function flybackExtension(): FlybackExtension {
  return function flyback(given) {
    separateRequests(given)
    const extension = {
      name: 'flyback',
      query: { $allModels: Object.fromEntries(WRITES.map((name) => [name, knownWrite])) },
      client: {
        $primary(this: AnyClient): AnyClient {
          return primaryOf(this)
        },
      },
    }
    // Every Prisma client has `$extends`; its result has the type that was promised above.
    const extended = (given as Required<AnyClient>).$extends(extension)
    return extended as unknown as ReturnType<FlybackExtension>
  }
}

/** Prisma's promises run when they are awaited, which must be inside. */
async function knownWrite({ args, query }: QueryCall): Promise<unknown> {
  if (callContext().hint === 'primary') return await query(args)
  return await inCallContext({ hint: 'write' }, async () => await query(args))
}

async function primaryCall({ args, query }: QueryCall): Promise<unknown> {
  return await inCallContext({ hint: 'primary' }, async () => await query(args))
}

function primaryOf(client: AnyClient): AnyClient {
  // A transaction stays on the connection it has; Prisma takes `$extends` from its client.
  if (client.$extends === undefined) return client
  const made =
    onPrimary.get(client) ??
    client.$extends({
      name: 'flyback on the primary',
      query: { $allOperations: primaryCall },
      client: {
        $primary(this: AnyClient): AnyClient {
          return this
        },
        $transaction: (...args: unknown[]) =>
          inCallContext({ hint: 'primary' }, () => client.$transaction(...args)),
      },
    })
  onPrimary.set(client, made)
  return made
}
