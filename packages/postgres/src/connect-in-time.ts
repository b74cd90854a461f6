import { runOutsideScope } from '@flyback/core/scope'
import { connectionError } from './connection-errors.js'
import type { LaneOptions } from './lane.js'
import { seconds } from './lane-options.js'

/** The driver connects for ever to a server that accepts and closes: a proxy with nobody behind it. */
export async function connectInTime<T>(
  connecting: Promise<T>,
  { options, connectLimitMs, unreachable }: LaneOptions,
): Promise<T> {
  const limitOfUserMs = seconds(options.connect_timeout) * 1000
  const timeout = connectionError('CONNECT_TIMEOUT', options)
  let timer: NodeJS.Timeout | undefined
  const limit = new Promise<never>((_, reject) => {
    timer = runOutsideScope(() => setTimeout(reject, connectLimitMs, timeout))
  })
  try {
    return await Promise.race([connecting, limit])
  } catch (error) {
    const timedOut = Reflect.get(Object(error), 'code') === 'CONNECT_TIMEOUT'
    const limitWasOurs = limitOfUserMs === 0 || limitOfUserMs > connectLimitMs
    throw timedOut && limitWasOurs ? unreachable(timeout) : error
  } finally {
    clearTimeout(timer)
  }
}
