/** The part of a COPY stream that matters here. */
export interface CopyStream {
  readonly readable?: boolean
  readonly readableEnded?: boolean
  destroy(error?: unknown): unknown
  on(event: 'error', listener: () => void): unknown
  once(event: 'close', listener: () => void): unknown
  /** Of a stream that is read: the driver goes on reading its socket. */
  _read?(size: number): void
  push?(chunk: unknown): boolean
  /** Of a stream that is written to: the driver ends the statement. */
  _final?(callback: (error?: unknown) => void): void
}

interface CopyHooks {
  /** What an error is turned into. */
  judge(error: unknown): unknown
  /** The server has ended the statement: what has to be done before the stream ends. Never rejects. */
  beforeEnd(): Promise<void> | undefined
  /** Told whether the server's answer was read to its end; one that is written to is answered in any case. */
  whenClosed(complete: boolean): void
}

export function isCopyStream(value: unknown): value is CopyStream {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}

/** An error of the server reaches a COPY through its stream, whose end is the end of the statement. */
export function adoptStream(stream: CopyStream, hooks: CopyHooks): CopyStream {
  const { judge, whenClosed } = hooks
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
  holdEnd(stream, hooks)
  stream.once('close', () => whenClosed(!isRead || stream.readableEnded === true))
  return stream
}

function holdEnd(stream: CopyStream, { beforeEnd }: CopyHooks): void {
  const push = stream.push?.bind(stream)
  if (push !== undefined && stream.readable === true) {
    stream.push = (chunk) => {
      if (chunk !== null) return push(chunk)
      // The driver takes a query when it has let go of the stream, which is right after this.
      queueMicrotask(() => {
        const held = beforeEnd()
        if (held === undefined) push(null)
        else void held.then(() => push(null))
      })
      return false
    }
  }
  const final = stream._final?.bind(stream)
  if (final === undefined) return
  stream._final = (callback) =>
    final((error) => {
      const held = error ? undefined : beforeEnd()
      if (held === undefined) callback(error)
      else void held.then(() => callback())
    })
}
