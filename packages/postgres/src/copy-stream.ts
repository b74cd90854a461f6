/** The part of a COPY stream that matters here. */
export interface CopyStream {
  readonly readable?: boolean
  readonly readableEnded?: boolean
  destroy(error?: unknown): unknown
  on(event: 'error', listener: () => void): unknown
  once(event: 'close', listener: () => void): unknown
  /** Of a stream that is read: the driver goes on reading its socket. */
  _read?(size: number): void
}

export function isCopyStream(value: unknown): value is CopyStream {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}

/**
 * An error of the server reaches a COPY through its stream, whose end is the end of the statement.
 *
 * @param judge what an error is turned into
 * @param whenClosed told whether the server's answer was read to its end; one that is written to is answered in any case
 */
export function adoptStream(
  stream: CopyStream,
  judge: (error: unknown) => unknown,
  whenClosed: (complete: boolean) => void,
): CopyStream {
  const destroy = stream.destroy.bind(stream)
  const isRead = stream.readable === true
  let handedOut = false
  setImmediate(() => {
    handedOut = true
  })
  // Node itself passes null where there is no error.
  stream.destroy = (error) => {
    if (!error) return destroy(error)
    const judged = judge(error)
    if (handedOut) return destroy(judged)
    // The server's error came with the stream: the caller does not hold it yet, and could not hear of it.
    setImmediate(destroy, judged)
    return stream
  }
  // Nobody may be listening; whoever reads it later still gets it.
  stream.on('error', () => {})
  stream.once('close', () => whenClosed(!isRead || stream.readableEnded === true))
  return stream
}
