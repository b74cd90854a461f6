import { Pool } from '@flyback/pg'

export const pool = new Pool()
export const region = process.env.FLY_REGION
