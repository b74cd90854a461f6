import { drizzle } from '@flyback/drizzle/node-postgres'
import { entry, tally } from './schema.ts'

// Nothing here knows about regions: drizzle() reads the environment.
export const db = drizzle({
  schema: { entry, tally },
  // react-router-serve has no hook for its end: idle connections are not to hold it up.
  connection: { allowExitOnIdle: true },
})
