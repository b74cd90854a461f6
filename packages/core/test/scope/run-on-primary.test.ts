/* oxlint-disable unicorn/no-thenable -- the queries of most libraries are thenables */
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { findReplayRequired, Scope } from '../../src/index.js'
import {
  bindToCaller,
  currentScope,
  requirePrimary,
  runInScope,
  runOnPrimary,
  runOutsideScope,
} from '../../src/scope.js'

const replica = (canReplay = true): Scope =>
  new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay })

afterEach(() => vi.unstubAllEnvs())

describe('the scope store', () => {
  test('rule 15: concurrent work each sees its own scope, across awaits and timers', async () => {
    const scopes = Array.from({ length: 50 }, () => replica())
    const seen = await Promise.all(
      scopes.map((scope) =>
        runInScope(scope, async () => {
          await turn()
          return await new Promise((resolve) => setTimeout(() => resolve(currentScope()), 1))
        }),
      ),
    )
    expect(seen).toEqual(scopes)
    expect(currentScope()).toBeUndefined()
  })

  test('rule 15: a bound callback runs in the scope of whoever bound it', () => {
    const mine = replica()
    const callback = runInScope(mine, () => bindToCaller(() => currentScope()))
    expect(runInScope(replica(), () => callback())).toBe(mine)
  })

  test('work outside a scope starts with none', () => {
    expect(runInScope(replica(), () => runOutsideScope(() => currentScope()))).toBeUndefined()
  })

  test('two copies of the package share one store', async () => {
    vi.resetModules()
    const copy = await import('../../src/scope.js')
    const scope = replica()
    expect(copy.currentScope).not.toBe(currentScope)
    expect(runInScope(scope, () => copy.currentScope())).toBe(scope)
  })
})

describe('runOnPrimary', () => {
  test('makes the scope forwarding and runs the work in it', async () => {
    const scope = replica()
    const state = await runInScope(scope, () => runOnPrimary(() => currentScope()?.state))
    expect(state).toBe('forwarding')
  })

  test('throws ReplayRequired(mixed-reads) after reads of the replica, before the work runs', async () => {
    const scope = replica()
    scope.enterReplica('db')
    const work = vi.fn()
    const error: unknown = await runInScope(scope, () => runOnPrimary(work)).catch(
      (e: unknown) => e,
    )
    expect(findReplayRequired(error)).toMatchObject({
      reason: 'mixed-reads',
      replayable: true,
      region: 'ewr',
    })
    expect(scope.state).toBe('replaying')
    expect(work).not.toHaveBeenCalled()
  })

  test('goes on with mixed reads when asked, or when nothing can be replayed', async () => {
    for (const [scope, options] of [
      [replica(), { afterReplicaReads: 'forward' }],
      [replica(false), {}],
    ] as const) {
      scope.enterReplica('db')
      await expect(runInScope(scope, () => runOnPrimary(() => 'done', options))).resolves.toBe(
        'done',
      )
      expect(scope.state).toBe('forwarding')
    }
  })

  test('rule 1: in a refused scope throws the same refusal, and the work does not run', async () => {
    const scope = replica()
    const refusal = scope.refuse('ewr', 'write')
    const work = vi.fn()
    await expect(runInScope(scope, () => runOnPrimary(work))).rejects.toBe(refusal)
    expect(work).not.toHaveBeenCalled()
  })

  test('without a scope gives the work a forwarding one of its own', async () => {
    vi.stubEnv('FLY_REGION', 'iad')
    vi.stubEnv('PRIMARY_REGION', 'ewr')
    expect(await runOnPrimary(() => currentScope()?.state)).toBe('forwarding')
    expect(currentScope()).toBeUndefined()
  })

  test('without a scope a lazy query is sent within the one it was given', async () => {
    const seen: (string | undefined)[] = []
    const lazy: PromiseLike<string> = {
      // biome-ignore lint/suspicious/noThenProperty: as the queries of Prisma, Kysely and Drizzle are
      then(onfulfilled, onrejected) {
        seen.push(currentScope()?.state)
        return Promise.resolve('sent').then(onfulfilled, onrejected)
      },
    }
    expect(await runOnPrimary(() => lazy)).toBe('sent')
    expect(seen).toEqual(['forwarding'])
  })

  test('without a scope forwards also for a pool that was given another environment', async () => {
    vi.stubEnv('FLY_REGION', '')
    vi.stubEnv('PRIMARY_REGION', '')
    expect(await runOnPrimary(() => currentScope()?.view('db').state)).toBe('forwarding')
  })

  test('in the primary region just runs', async () => {
    const scope = new Scope({ role: 'primary', primaryRegion: 'ewr', canReplay: false })
    expect(await runInScope(scope, () => runOnPrimary(() => currentScope()?.state))).toBe('open')
  })
})

describe('requirePrimary', () => {
  test('throws in a replica region and makes the scope replaying', () => {
    const scope = replica()
    expect(() => runInScope(scope, requirePrimary)).toThrow(/requirePrimary/)
    expect(scope.state).toBe('replaying')
  })

  test.each([
    ['the role primary', new Scope({ role: 'primary', primaryRegion: 'ewr', canReplay: false })],
    ['the role single', new Scope({ role: 'single', primaryRegion: undefined, canReplay: false })],
    [
      'a forwarding scope',
      new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: false, forward: true }),
    ],
  ])('rule 3: does nothing in %s', (_title, scope) => {
    runInScope(scope, requirePrimary)
    expect(scope.refusal).toBeUndefined()
  })

  test('a scope that could never be replayed forwards from then on', () => {
    const scope = replica(false)
    runInScope(scope, requirePrimary)
    expect(scope.refusal).toBeUndefined()
    expect(scope.view('any cluster').state).toBe('forwarding')
  })

  test('a scope whose response has begun gets an error that says so', () => {
    const scope = replica()
    scope.seal()
    expect(() => runInScope(scope, requirePrimary)).toThrow(/requirePrimary/)
    expect(scope.lostRefusal?.replayable).toBe(false)
  })

  test('without a scope goes by the environment', () => {
    vi.stubEnv('FLY_REGION', '')
    vi.stubEnv('PRIMARY_REGION', '')
    requirePrimary()
    vi.stubEnv('FLY_REGION', 'iad')
    vi.stubEnv('PRIMARY_REGION', 'ewr')
    expect(requirePrimary).toThrow(/primary region \(ewr\)/)
  })
})
