import type { DatabaseConnection, Driver } from 'kysely'
import { foreignSource } from './foreign-source.js'
import { handleSource } from './handle-source.js'
import type { Source } from './held.js'
import { LazyConnection } from './lazy-connection.js'
import type { Sides } from './sides.js'
import type { Tail } from './tail.js'

type SavepointArgs = Tail<Parameters<NonNullable<Driver['savepoint']>>>

/** Two drivers as one. In the role `single` it only passes on, to the local one. */
export class FlybackDriver implements Driver {
  readonly #sides: Sides
  readonly #local: Driver
  readonly #writer: Driver
  #source: Source | undefined
  // Kysely tests for these three; they are there when both drivers have them.
  readonly savepoint?: NonNullable<Driver['savepoint']>
  readonly rollbackToSavepoint?: NonNullable<Driver['rollbackToSavepoint']>
  readonly releaseSavepoint?: NonNullable<Driver['releaseSavepoint']>

  constructor(sides: Sides) {
    this.#sides = sides
    this.#local = sides.local.createDriver()
    this.#writer = sides.writer().createDriver()
    for (const method of ['savepoint', 'rollbackToSavepoint', 'releaseSavepoint'] as const) {
      if (this.#local[method] === undefined || this.#writer[method] === undefined) continue
      this[method] = async (connection: DatabaseConnection, ...args: SavepointArgs) => {
        if (connection instanceof LazyConnection) await connection.savepoint(method, ...args)
        else await this.#local[method]?.(connection, ...args)
      }
    }
  }

  async init(...args: Parameters<Driver['init']>): Promise<void> {
    await this.#local.init(...args)
    const routing = await this.#sides.routing(...args)
    if (routing === undefined) return
    await this.#writer.init(...args)
    const makeSource = this.#sides.foreign ? foreignSource : handleSource
    this.#source = makeSource(routing, this.#local, this.#writer)
  }

  async acquireConnection(
    ...args: Parameters<Driver['acquireConnection']>
  ): Promise<DatabaseConnection> {
    return this.#source === undefined
      ? await this.#local.acquireConnection(...args)
      : new LazyConnection(this.#source, args)
  }

  async releaseConnection(
    connection: DatabaseConnection,
    ...args: Tail<Parameters<Driver['releaseConnection']>>
  ): Promise<void> {
    if (connection instanceof LazyConnection) await connection.release(...args)
    else await this.#local.releaseConnection(connection, ...args)
  }

  async beginTransaction(
    connection: DatabaseConnection,
    settings: Parameters<Driver['beginTransaction']>[1],
  ): Promise<void> {
    if (connection instanceof LazyConnection) await connection.begin(settings)
    else await this.#local.beginTransaction(connection, settings)
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    if (connection instanceof LazyConnection) await connection.commit()
    else await this.#local.commitTransaction(connection)
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    if (connection instanceof LazyConnection) await connection.rollback()
    else await this.#local.rollbackTransaction(connection)
  }

  async destroy(...args: Parameters<Driver['destroy']>): Promise<void> {
    const source = this.#source
    await Promise.all([
      this.#local.destroy(...args),
      source === undefined ? undefined : this.#writer.destroy(...args),
    ])
    this.#source = undefined
  }
}
