// What people export from a module of theirs: each type must have a name that a declaration file can write.
import { drizzle } from '@flyback/drizzle/node-postgres'
import { drizzle as drizzlePostgresJs } from '@flyback/drizzle/postgres-js'
import { FlybackDialect, FlybackKysely, withPrimary } from '@flyback/kysely'
import { Client, Pool } from '@flyback/pg'
import postgres from '@flyback/postgres'
import { flybackExtension, PrismaFlyback } from '@flyback/prisma'
import { integer, pgTable } from 'drizzle-orm/pg-core'
import { Kysely } from 'kysely'

export const pool = new Pool()
export const primaryPool = pool.primary
export const client = new Client()
export const sql = postgres()
export const primarySql = sql.primary
export const item = pgTable('item', { id: integer('id') })
export const db = drizzle('postgres://localhost/app')
export const withSchema = drizzle({ schema: { item } })
export const overPool = drizzle({ client: pool, schema: { item } })
export const onPrimary = overPool.$primary
export const overSql = drizzlePostgresJs({ client: sql, schema: { item } })
export const open = () => drizzle()
export const dialect = new FlybackDialect({ pool })
export const kysely = new FlybackKysely<{ item: { id: number } }>({ dialect })
export const kyselyOnPrimary = withPrimary(new Kysely<{ item: { id: number } }>({ dialect }))
export const adapter = new PrismaFlyback()
export const extension = flybackExtension()
