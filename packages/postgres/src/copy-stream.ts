/** The part of a COPY stream that matters here. */
export interface CopyStream {
  destroy(error?: unknown): unknown
  once(event: 'close', listener: () => void): unknown
}

export function isCopyStream(value: unknown): value is CopyStream {
  return typeof value === 'object' && value !== null && 'destroy' in value && 'once' in value
}

/**
 * An error of the server reaches a COPY through its stream, whose end is the end of the statement.
 *
 * @param judge what an error is turned into
 */
export function adoptStream(
  stream: CopyStream,
  judge: (error: unknown) => unknown,
  whenClosed: () => void,
): CopyStream {
  const destroy = stream.destroy.bind(stream)
  // Node itself passes null where there is no error.
  stream.destroy = (error) => destroy(error ? judge(error) : error)
  stream.once('close', whenClosed)
  return stream
}
