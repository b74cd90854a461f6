import type { ServerResponse } from 'node:http'

export type NativeMethod = 'writeHead' | 'flushHeaders' | 'write' | 'end' | 'destroy'

/** Calls a method of Node's own response, past every middleware that wrapped this one. */
export function callNative(
  res: ServerResponse,
  name: NativeMethod,
  args: readonly unknown[],
): void {
  const method: unknown = Reflect.get(Object.getPrototypeOf(res), name)
  if (typeof method === 'function') Reflect.apply(method, res, args)
}
