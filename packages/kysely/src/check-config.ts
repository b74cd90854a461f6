import { ConfigurationError } from '@flyback/core'
import type { Dialect } from 'kysely'

type Check = (value: unknown) => boolean

const isHandle: Check = (value) =>
  (typeof value === 'object' || typeof value === 'function') && value !== null
const isFunction: Check = (value) => typeof value === 'function'

/** Whether a value has what all dialects have. */
export function isDialect(value: unknown): value is Dialect {
  return typeof value === 'object' && value !== null && 'createDriver' in value
}

/** The forms by the key that tells them apart, and what each member must be. For users of JavaScript. */
const FORMS: Readonly<Record<string, readonly (readonly [string, string, Check])[]>> = {
  // Whether the replica is needed, the role says.
  writer: [['writer', 'must be a dialect of Kysely', isDialect]],
  over: [
    ['over', 'must come from @flyback/pg or @flyback/postgres', isHandle],
    ['dialect', 'must be a function that makes a dialect over a handle', isFunction],
  ],
  pool: [['pool', 'must come from @flyback/pg', isHandle]],
}

/** @throws ConfigurationError naming the member that is missing, or is none */
export function checkConfig(config: unknown): void {
  if (typeof config !== 'object' || config === null) {
    throw new ConfigurationError('FlybackDialect', 'must be given an object')
  }
  const form = Object.entries(FORMS).find(([key]) => key in config)
  if (form === undefined) {
    throw new ConfigurationError(
      'FlybackDialect',
      'must be given `pool`, `over` and `dialect`, or `writer` and `replica`',
    )
  }
  const [name, members] = form
  for (const [member, expected, check] of members) {
    if (!check(Reflect.get(config, member))) {
      throw new ConfigurationError(`FlybackDialect: ${member}`, expected)
    }
  }
  if (name !== 'writer' && Reflect.get(config, 'flyback') !== undefined) {
    throw new ConfigurationError(
      'FlybackDialect: flyback',
      `is an option of what is given as ${name}`,
    )
  }
}
