const MAX_WAIT_MS = 1000
const POLL_MS = 1

// Workers have only timers.
const nextTurn: (callback: () => void) => unknown = globalThis.setImmediate ?? setTimeout

/** Waits a turn of the event loop, and on while something is pending; a second at most. */
export async function untilSettled(isPending: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + MAX_WAIT_MS
  await new Promise<void>((resolve) => nextTurn(resolve))
  while (isPending() && performance.now() < deadlineMs) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}
