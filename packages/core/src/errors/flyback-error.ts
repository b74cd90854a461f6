/**
 * The base of every error Flyback creates.
 *
 * Printing one shows its stack and its own public fields, never its `cause`: a driver's error carries SQL text and row
 * values (`where`, `detail`, `parameters`), and a log line must not. The cause stays reachable in code.
 *
 * @see https://nodejs.org/api/util.html#custom-inspection-functions-on-objects (read 2026-11-24)
 */
export abstract class FlybackError extends Error {}

for (const key of ['nodejs.util.inspect.custom', 'Deno.customInspect']) {
  Object.defineProperty(FlybackError.prototype, Symbol.for(key), { value: describe })
}

function describe(this: Error): string {
  const fields = JSON.stringify(Object.fromEntries(Object.entries(this)))
  return `${this.stack ?? `${this.name}: ${this.message}`}${fields === '{}' ? '' : ` ${fields}`}`
}

/** Whether a value carries a brand, however many copies of this package made it. Total: hostile values answer `false`. */
export function hasBrand(value: unknown, brand: symbol): boolean {
  try {
    return typeof value === 'object' && value !== null && Reflect.get(value, brand) === true
  } catch {
    return false
  }
}

/**
 * Gives an error class its name and its identity: `instanceof` asks for the brand, so it holds for an error made by
 * another copy of this package. The name is given, because a bundler may rename the class.
 */
export function brandClass(owner: { prototype: object }, name: string, brand: symbol): void {
  Object.defineProperties(owner.prototype, {
    name: { value: name, configurable: true, writable: true },
    [brand]: { value: true },
  })
  Object.defineProperty(owner, Symbol.hasInstance, {
    value(this: unknown, value: unknown): boolean {
      return this === owner
        ? hasBrand(value, brand)
        : Function.prototype[Symbol.hasInstance].call(this, value)
    },
  })
}
