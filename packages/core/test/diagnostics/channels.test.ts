import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { isObserved, publish } from '../../src/diagnostics/channels.js'
import type { RefusalEvent } from '../../src/diagnostics/flyback-events.js'
import { observe } from '../../src/diagnostics/observe.js'

const REFUSAL: RefusalEvent = {
  request: undefined,
  reason: 'write',
  region: 'iad',
  replayable: true,
}
const stops: (() => void)[] = []

function listen(listener: (event: RefusalEvent) => void): () => void {
  const stop = observe('flyback:refusal', listener)
  stops.push(stop)
  return stop
}

afterEach(() => {
  for (const stop of stops.splice(0)) stop()
  vi.unstubAllGlobals()
  vi.resetModules()
})

describe('publishing', () => {
  it('makes no event when nobody listens', () => {
    const make = vi.fn(() => REFUSAL)
    publish('flyback:refusal', make)
    expect(make).not.toHaveBeenCalled()
    expect(isObserved('flyback:refusal', 'flyback:retry')).toBe(false)
  })

  it('reaches whoever subscribes by name, with the very object', () => {
    const heard: unknown[] = []
    const listener = (message: unknown): void => void heard.push(message)
    subscribe('flyback:refusal', listener)
    stops.push(() => unsubscribe('flyback:refusal', listener))
    expect(isObserved('flyback:retry', 'flyback:refusal')).toBe(true)
    publish('flyback:refusal', () => REFUSAL)
    expect(heard).toHaveLength(1)
    expect(heard[0]).toBe(REFUSAL)
  })

  it('goes on when a subscriber throws, which Node reports as an uncaught exception', async () => {
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    const uncaught = new Promise((resolve) => process.once('uncaughtException', resolve))
    const failure = new Error('a subscriber at fault')
    const listener = (): never => {
      throw failure
    }
    subscribe('flyback:refusal', listener)
    const other = vi.fn()
    listen(other)
    try {
      publish('flyback:refusal', () => REFUSAL)
      expect(other).toHaveBeenCalledOnce()
      expect(await uncaught).toBe(failure)
    } finally {
      unsubscribe('flyback:refusal', listener)
      for (const restored of others) process.on('uncaughtException', restored)
    }
  })

  it('is off where the runtime has no diagnostics_channel', async () => {
    listen(() => {})
    for (const host of [undefined, {}, { getBuiltinModule: () => undefined }]) {
      vi.stubGlobal('process', host)
      vi.resetModules()
      const channels = await import('../../src/diagnostics/channels.js')
      const { observe: hear } = await import('../../src/diagnostics/observe.js')
      const listener = vi.fn()
      const stop = hear('flyback:refusal', listener)
      channels.publish('flyback:refusal', () => REFUSAL)
      stop()
      expect(listener).not.toHaveBeenCalled()
      expect(channels.isObserved('flyback:refusal')).toBe(false)
    }
  })
})

describe('observe', () => {
  it('listens until it is told to stop', () => {
    const listener = vi.fn()
    const stop = listen(listener)
    publish('flyback:refusal', () => REFUSAL)
    stop()
    publish('flyback:refusal', () => REFUSAL)
    expect(listener).toHaveBeenCalledExactlyOnceWith(REFUSAL)
  })

  it('keeps what a listener throws from whoever publishes, and from other listeners', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
    const other = vi.fn()
    listen(() => {
      throw new Error('a listener at fault')
    })
    listen(other)
    publish('flyback:refusal', () => REFUSAL)
    publish('flyback:refusal', () => REFUSAL)
    expect(other).toHaveBeenCalledTimes(2)
    expect(warn).toHaveBeenCalledOnce()
    expect(warn.mock.calls[0]?.[0]).toContain('flyback:refusal threw: Error: a listener at fault')
    warn.mockRestore()
  })
})
