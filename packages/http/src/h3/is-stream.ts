/**
 * Whether the body of what an h3 handler returned is still to come. Anything else is complete, and is left to h3: an error goes
 * to `onError`, nothing is a 404, and text or JSON is sent with its length.
 */
export function isStream(value: unknown): boolean {
  // The answer to an upgrade holds its hooks in a property, and is never sent.
  if (value instanceof Response) return !('crossws' in value)
  return isReadable(value) || (isObject(value) && isReadable(Reflect.get(value, 'body')))
}

function isReadable(value: unknown): boolean {
  if (value instanceof ReadableStream) return true
  return isObject(value) && typeof Reflect.get(value, 'pipe') === 'function'
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null
}
