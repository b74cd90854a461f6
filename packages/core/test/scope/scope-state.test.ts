import { describe, expect, test, vi } from 'vitest'
import { Scope } from '../../src/index.js'

function openScope(options: Partial<ConstructorParameters<typeof Scope>[0]> = {}): Scope {
  return new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true, ...options })
}

describe('a scope', () => {
  test('is open until something happens', () => {
    const scope = openScope()
    scope.enterReplica('db')
    expect(scope).toMatchObject({ state: 'open', replayable: true, usedReplica: true })
  })

  test('rule 1: its first refusal makes it replaying, and every later one is the same error', () => {
    const scope = openScope()
    const first = scope.refuse('ewr', 'write')
    expect(scope).toMatchObject({ state: 'replaying', refusal: first })
    expect(first.replayable).toBe(true)
    expect(scope.refuse('ewr', 'required')).toBe(first)
  })

  test('rule 1: first contact with the writer makes it forwarding, and no refusal replays it any more', () => {
    const scope = openScope()
    scope.enterWriter('db')
    const refusal = scope.refuse('ewr', 'write')
    expect(refusal.replayable).toBe(false)
    expect(scope).toMatchObject({ state: 'forwarding', refusal: undefined, lostRefusal: refusal })
  })

  test('rule 1: contact with the writer of one cluster ends replay for all, but forwards only that one', () => {
    const scope = openScope()
    scope.enterWriter('a')
    expect(scope.view('a')).toMatchObject({ state: 'forwarding', replayable: false })
    expect(scope.view('b')).toMatchObject({ state: 'open', replayable: false })
  })

  test('neither state reverses', () => {
    const refused = openScope()
    refused.refuse('ewr', 'write')
    refused.enterWriter('db')
    refused.forwardAll()
    expect(refused.state).toBe('replaying')
  })

  test('a refusal after headers were sent cannot be replayed', () => {
    const scope = openScope()
    scope.seal()
    expect(scope.refuse('ewr', 'write').replayable).toBe(false)
    expect(scope.state).toBe('open')
    expect(scope.lostRefusal).toBeDefined()
  })

  test('stays here once it is told to, and can no longer be replayed', () => {
    const scope = openScope()
    expect(scope.view('db').staysHere).toBe(false)
    scope.stayHere()
    expect(scope.view('db')).toMatchObject({ state: 'open', staysHere: true, replayable: false })
  })

  test('rule 1: does not stay here when it was refused', () => {
    const scope = openScope()
    scope.refuse('ewr', 'write')
    scope.stayHere()
    expect(scope.view('db')).toMatchObject({ state: 'replaying', staysHere: false })
  })

  test('opens as forwarding when asked', () => {
    expect(openScope({ forward: true, canReplay: false }).view('db').state).toBe('forwarding')
  })
})

describe('what is pending', () => {
  test('is a call that is followed, until it is answered or forgotten', () => {
    const scope = openScope()
    expect(scope.pending).toBe(false)
    const answered = { pending: false }
    const [first, second] = [scope.follow({ pending: true }), scope.follow({ pending: true })]
    scope.follow(answered)
    first()
    expect(scope.pending).toBe(true)
    second()
    expect(scope.pending).toBe(false)
  })

  test('is a checkout whose statement is not answered, until it is given back', () => {
    const scope = openScope()
    const checkout = { pending: false, reclaim: vi.fn() }
    scope.remember(checkout)
    expect(scope.pending).toBe(false)
    checkout.pending = true
    expect(scope.pending).toBe(true)
    scope.forget(checkout)
    expect(scope.pending).toBe(false)
  })
})

describe('rule 16: checkouts left open', () => {
  test('are reclaimed when a replayed scope ends, once', () => {
    const scope = openScope()
    const kept = { pending: false, reclaim: vi.fn() }
    const returned = { pending: false, reclaim: vi.fn() }
    scope.remember(kept)
    scope.remember(returned)
    scope.forget(returned)
    const refusal = scope.refuse('ewr', 'write')
    scope.end()
    scope.end()
    expect(kept.reclaim).toHaveBeenCalledExactlyOnceWith(refusal)
    expect(returned.reclaim).not.toHaveBeenCalled()
  })

  test('stay with their holder when the scope ends any other way', () => {
    for (const scope of [openScope(), openScope({ forward: true })]) {
      const checkout = { pending: false, reclaim: vi.fn() }
      scope.remember(checkout)
      scope.end()
      expect(checkout.reclaim).not.toHaveBeenCalled()
    }
  })
})
