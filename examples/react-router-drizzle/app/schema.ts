import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core'

export const entry = pgTable('entry', {
  id: serial().primaryKey(),
  author: text().notNull(),
  message: text().notNull(),
})

export const tally = pgTable('tally', {
  name: text().primaryKey(),
  count: integer().notNull(),
})
