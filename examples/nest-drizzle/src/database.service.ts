import { drizzle } from '@flyback/drizzle/node-postgres'
import { Injectable, type OnApplicationShutdown } from '@nestjs/common'
import { entry, tally } from './schema.js'

@Injectable()
export class DatabaseService implements OnApplicationShutdown {
  readonly db = drizzle({ schema: { entry, tally } })

  async onApplicationShutdown() {
    await this.db.$client.end()
  }
}
