import { type FlybackEvents, observe } from '../../src/index.js'

/** What was told on one channel, until it is disposed. */
export interface Heard<Name extends keyof FlybackEvents> extends Disposable {
  readonly events: FlybackEvents[Name][]
  /** Waits for an event more than there were: a response closes after its client has all of it. */
  next(): Promise<FlybackEvents[Name]>
}

export function hear<Name extends keyof FlybackEvents>(name: Name): Heard<Name> {
  const events: FlybackEvents[Name][] = []
  let seen = 0
  let wake = (): void => {}
  const stop = observe(name, (event) => {
    events.push(event)
    wake()
  })
  return {
    events,
    async next() {
      for (;;) {
        const event = events[seen]
        if (event !== undefined) {
          seen++
          return event
        }
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    [Symbol.dispose]: stop,
  }
}
