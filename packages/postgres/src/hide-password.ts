import type { ParsedOptions } from './driver-internals.js'

/** Node looks for it under this symbol, whichever runtime prints. */
const INSPECT = Symbol.for('nodejs.util.inspect.custom')

/** Keeps the password out of what is printed or made JSON of options; code still finds it where the driver puts it. */
export function hidePassword(options: ParsedOptions): void {
  const shown = (): object => {
    const { pass, ...rest } = Object(options)
    void pass
    return rest
  }
  Object.defineProperties(options, {
    [INSPECT]: { value: shown, configurable: true },
    toJSON: { value: shown, configurable: true },
  })
}
