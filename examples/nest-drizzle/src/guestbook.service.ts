import { Injectable } from '@nestjs/common'
import { desc, eq, sql } from 'drizzle-orm'
import { DatabaseService } from './database.service.js'
import { entry, tally } from './schema.js'

@Injectable()
export class GuestbookService {
  constructor(private readonly database: DatabaseService) {}

  async read() {
    const { db } = this.database
    const entries = await db.query.entry.findMany({
      columns: { author: true, message: true },
      orderBy: desc(entry.id),
      limit: 5,
    })
    return { entries, tally: await db.select().from(tally).orderBy(tally.name) }
  }

  async add(author: string, message: string) {
    const [created] = await this.database.db.transaction(async (tx) => {
      await tx
        .update(tally)
        .set({ count: sql`${tally.count} + 1` })
        .where(eq(tally.name, 'entries'))
      return await tx.insert(entry).values({ author, message }).returning({ id: entry.id })
    })
    return created?.id
  }

  async visit() {
    const [visits] = await this.database.db
      .update(tally)
      .set({ count: sql`${tally.count} + 1` })
      .where(eq(tally.name, 'visits'))
      .returning()
    return visits?.count
  }
}
