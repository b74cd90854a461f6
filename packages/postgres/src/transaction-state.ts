import { isCommit } from '@flyback/core'
import type { DriverResult } from './driver-internals.js'

const BEGINS: ReadonlySet<string> = new Set(['BEGIN', 'START TRANSACTION'])
const ENDS: ReadonlySet<string> = new Set(['COMMIT', 'ROLLBACK', 'PREPARE TRANSACTION'])

/**
 * Where a connection is in a transaction. The driver keeps what the server says of that to itself; the command tags of
 * its results tell enough.
 */
export class TransactionState {
  #open = false
  #savepoints = 0

  get status(): 'I' | 'T' {
    return this.#open ? 'T' : 'I'
  }

  /** Takes in the command tag of a statement that succeeded. */
  follow(command: string): void {
    if (BEGINS.has(command)) this.#open = true
    else if (command === 'SAVEPOINT') this.#savepoints++
    // Going back to a savepoint has the tag of ROLLBACK.
    else if (ENDS.has(command) && !(command === 'ROLLBACK' && this.#savepoints > 0)) this.end()
  }

  end(): void {
    this.#open = false
    this.#savepoints = 0
  }
}

/** The command tags of a result, or of the results of several statements in one text. */
export function commandsOf(value: unknown): string[] {
  if (!Array.isArray(value)) return []
  const results: unknown[] = 'command' in value ? [value] : value
  return results.flatMap((result) => {
    // Only results of the driver get here.
    const { command } = Object(result) as DriverResult
    return typeof command === 'string' ? [command] : []
  })
}

/**
 * The command tags of an answer as far as they say what may have been committed. Of several statements without rows in one text the
 * driver shows the last tag only: what it hides counts as a commit where there is one in the text, or as unknown.
 */
export function tagsOf(
  value: unknown,
  text: string,
  simple: boolean,
): readonly (string | undefined)[] {
  const commands = commandsOf(value)
  // None: a cursor that was broken off, or an empty text.
  if (commands.length === 0) return [undefined]
  if (!simple || !SEVERAL.test(text)) return commands
  return [...commands, text.split(';').some(isCommit) ? 'COMMIT' : undefined]
}

const SEVERAL = /;[\s;]*[^\s;]/
