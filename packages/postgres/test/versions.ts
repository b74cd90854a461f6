import driver from 'postgres'
import oldestDriver from 'postgres-oldest'
import type { Driver } from '../src/driver-internals.js'
import postgres, { createPostgres, type Postgres } from '../src/index.js'

// The types of the two differ in what was added since.
const olderDriver = oldestDriver as unknown as Driver

/** Ours, over the oldest driver supported. */
export const oldest: Postgres = createPostgres(olderDriver)

/** Every version the peer range promises is tested at its ends: the driver, and ours over it. */
export const VERSIONS: readonly (readonly [name: string, driver: Driver, postgres: Postgres])[] = [
  ['3.4.9', driver, postgres],
  ['3.4.0', olderDriver, oldest],
]
