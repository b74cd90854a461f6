import { brandClass, FlybackError } from './flyback-error.js'

const BRAND: symbol = Symbol.for('flyback.ConfigurationError')

/**
 * An option or an environment variable has a value Flyback cannot use.
 *
 * Names the setting and what to do; never repeats the value, which may hold credentials, and never has a `cause`
 * (Node's own URL error carries the whole URL in `input`).
 */
export class ConfigurationError extends FlybackError {
  /** The option or environment variable at fault, such as `DATABASE_URL`. */
  readonly setting: string

  constructor(setting: string, problem: string) {
    super(`${setting} ${problem}`)
    this.setting = setting
  }
}

brandClass(ConfigurationError, 'ConfigurationError', BRAND)
