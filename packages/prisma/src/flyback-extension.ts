import { ConfigurationError } from '@flyback/core'
import type { Types } from '@prisma/client/runtime/client'
import { inCallContext, keepCallContext } from './call-context.js'
import { ASKS_PRIMARY, isOnPrimary, KNOWS_WRITES } from './request-marks.js'
import { separateRequests } from './separate-requests.js'

/** What the extension adds to a client, in the terms of Prisma's `$extends`. */
export type FlybackExtensionArgs = Types.Extensions.DefaultArgs & {
  client: {
    $primary: () => <Client>(this: Client) => Client
  }
}

/** An extension as `$extends` takes it. */
export type FlybackExtension = (client: object) => { $extends: { extArgs: FlybackExtensionArgs } }

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
    const separated = separateRequests(given)
    const extension = {
      name: 'flyback',
      client: {
        ...KNOWS_WRITES,
        $primary(this: AnyClient): AnyClient {
          return primaryOf(this, separated)
        },
      },
    }
    // Every Prisma client has `$extends`; its result has the type that was promised above.
    const extended = (given as Required<AnyClient>).$extends(extension)
    return extended as unknown as ReturnType<FlybackExtension>
  }
}

/** @throws ConfigurationError when this Prisma would send its reads to the replica */
function primaryOf(client: AnyClient, separated: boolean): AnyClient {
  // A transaction stays on the connection it has; Prisma takes `$extends` from its client.
  if (client.$extends === undefined) return client
  const made =
    onPrimary.get(client) ??
    client.$extends({
      name: 'flyback on the primary',
      client: {
        ...ASKS_PRIMARY,
        $primary(this: AnyClient): AnyClient {
          return this
        },
        $transaction: (...args: unknown[]) => transactionOnPrimary(client, args),
      },
    })
  if (!separated || !isOnPrimary(made)) {
    throw new ConfigurationError(
      '@prisma/client',
      'is of a version whose requests $primary() cannot reach: use runOnPrimary(() => ...) instead',
    )
  }
  onPrimary.set(client, made)
  return made
}

/** Only its connection is asked onto the primary, not what the user's function does beside it. */
function transactionOnPrimary(client: AnyClient, [work, ...rest]: unknown[]): Promise<unknown> {
  const given =
    typeof work === 'function'
      ? keepCallContext((tx: unknown): unknown => Reflect.apply(work, undefined, [tx]))
      : work
  return inCallContext(client, { hint: 'primary', exact: false }, () =>
    client.$transaction(given, ...rest),
  )
}
