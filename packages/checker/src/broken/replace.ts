type Method = (this: never, ...args: never[]) => unknown

/** Puts another method in the place of one, or of one it inherits, until it is disposed of. */
export function replace<This extends object, Name extends keyof This>(
  target: This,
  name: Name,
  make: (original: Extract<This[Name], Method>) => This[Name],
): Disposable {
  const own = Object.getOwnPropertyDescriptor(target, name)
  const original = target[name] as Extract<This[Name], Method> // a method, by what the caller names
  Object.defineProperty(target, name, { configurable: true, writable: true, value: make(original) })
  return {
    [Symbol.dispose]() {
      Reflect.deleteProperty(target, name)
      if (own !== undefined) Object.defineProperty(target, name, own)
    },
  }
}
