import { describe, expect, test } from 'vitest'
import {
  createRouter,
  detectDeployment,
  type Failure,
  ReplayRequired,
  Scope,
  staticPrimary,
} from '../../src/index.js'

const deployment = detectDeployment({ FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' })
const write = { severity: 'ERROR', code: '25006' }

function router(locate = staticPrimary(deployment)): ReturnType<typeof createRouter> {
  return createRouter({
    deployment,
    locator: locate,
    cluster: 'db',
    hasReplica: true,
    whenReplicaDown: 'forward',
    maxFallbacks: 100,
  })
}

const failure: Failure = {
  endpoint: 'replica',
  facts: { inHotStandby: true, defaultReadOnly: false },
  firstRefusal: undefined,
  retryable: true,
  attempt: 0,
  connectionLost: false,
  error: write,
}

const openScope = (): Scope => new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })

describe('createRouter', () => {
  test('a refusal makes the scope replaying, and the next choice throws the same error', () => {
    const scope = openScope()
    const { choose, judge } = router()
    expect(choose(scope, 'none')).toBe('replica')
    const remedy = judge(scope, failure)
    expect(remedy).toMatchObject({
      type: 'throw',
      error: { region: 'ewr', reason: 'write', replayable: true },
    })
    expect(() => choose(scope, 'none')).toThrow(scope.refusal)
  })

  test('the cause of a refusal is the error of the driver', () => {
    const remedy = router().judge(undefined, failure)
    expect(
      remedy.type === 'throw' && remedy.error instanceof ReplayRequired && remedy.error.cause,
    ).toBe(write)
  })

  test('the locator is asked each time: a primary that moved here makes this the primary region', () => {
    let region = 'ewr'
    const moving = router({ locate: () => region })
    const scope = openScope()
    expect(moving.role).toBe('replica')
    expect(moving.choose(scope, 'none')).toBe('replica')
    region = 'iad'
    expect(moving.role).toBe('primary')
    expect(moving.choose(scope, 'none')).toBe('writer')
    region = 'syd'
    expect(moving.refuse(undefined, 'required').region).toBe('syd')
  })

  test('a retry is not sent once another statement of the scope was refused', () => {
    const scope = openScope()
    const refusal = scope.refuse('ewr', 'write')
    const remedy = router().judge(scope, { ...failure, error: { code: 'ECONNREFUSED' } })
    expect(remedy).toEqual({ type: 'throw', error: refusal })
  })

  test('falling back to the writer makes the scope forwarding', () => {
    const scope = openScope()
    const remedy = router().judge(scope, { ...failure, error: { code: 'ECONNREFUSED' } })
    expect(remedy).toEqual({ type: 'retry', on: 'writer' })
    expect(scope.state).toBe('forwarding')
  })

  test('a checkout of the replica is behind once its scope forwards', () => {
    const scope = openScope()
    const { isBehind, enter } = router()
    expect(isBehind(scope, 'replica')).toBe(false)
    enter(scope, 'writer')
    expect(isBehind(scope, 'replica')).toBe(true)
    expect(isBehind(scope, 'writer')).toBe(false)
    expect(isBehind(undefined, 'replica')).toBe(false)
  })
})
