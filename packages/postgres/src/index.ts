import driver from 'postgres'
import { createPostgres, type Postgres } from './create-postgres.js'

/** A drop-in for postgres.js: reads on the replica beside it, refused writes as ReplayRequired. */
const postgres: Postgres = createPostgres(driver)
// The default export is what it replaces.
export default postgres

export {
  ConfigurationError,
  type FlybackOptions,
  findReplayRequired,
  PrimaryUnavailable,
  ReplayRequired,
} from '@flyback/core'
export { requirePrimary, runOnPrimary } from '@flyback/core/scope'
export { createPostgres, type Options, type Postgres, type Sql } from './create-postgres.js'
