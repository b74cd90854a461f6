import postgres from '@flyback/postgres'

// Nothing here knows about regions: postgres() reads the environment.
export const sql = postgres()
