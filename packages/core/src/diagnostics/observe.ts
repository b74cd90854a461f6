import { tellNotices } from '../deployment/notice.js'
import { diagnosticsChannel, method } from './channels.js'
import type { FlybackEvents } from './flyback-events.js'

/**
 * Listens to what Flyback tells on a channel of `diagnostics_channel`, from its next event on; returns what ends that. Where
 * the runtime has no such module, nothing is heard.
 *
 * The listener runs at once, in the async context of what it hears of, and must be quick. What it throws is a warning, once:
 * for a listener that subscribes by itself, Node makes it an uncaught exception.
 *
 * @example
 * const stop = observe('flyback:request:end', ({ method, path, outcome, reason }) => {
 *   if (outcome === 'replayed') console.log(`${method} ${path} was replayed: ${reason}`)
 * })
 *
 * @see https://nodejs.org/api/diagnostics_channel.html (read 2026-11-25)
 */
export function observe<Name extends keyof FlybackEvents>(
  name: Name,
  listener: (event: FlybackEvents[Name]) => void,
): () => void {
  let failed = false
  function listen(event: FlybackEvents[Name]): void {
    try {
      listener(event)
    } catch (error) {
      if (!failed) tellFailure(name, error)
      failed = true
    }
  }
  const diagnostics = diagnosticsChannel()
  const subscribe = method(diagnostics, 'subscribe')
  if (subscribe !== undefined) Reflect.apply(subscribe, diagnostics, [name, listen])
  return () => {
    const unsubscribe = method(diagnostics, 'unsubscribe')
    if (unsubscribe !== undefined) Reflect.apply(unsubscribe, diagnostics, [name, listen])
  }
}

function tellFailure(name: string, error: unknown): void {
  const what = error instanceof Error ? (error.stack ?? error.message) : typeof error
  tellNotices([
    { code: 'FLYBACK_OBSERVER_FAILED', message: `a listener of ${name} threw: ${what}` },
  ])
}
