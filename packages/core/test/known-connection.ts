import { Connection } from '../src/index.js'

/** A connection whose member says what it is given, and `undefined` columns when that is nothing. */
export class KnownConnection extends Connection {
  /** What was asked, in order. */
  readonly asked: string[] = []
  answer: readonly unknown[] | Error = []

  override ask(statement: string): Promise<readonly unknown[]> {
    this.asked.push(statement)
    const { answer } = this
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer)
  }
}
