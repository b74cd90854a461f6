import { Connection } from '@flyback/core'
import { replace } from './replace.ts'

/** Where the member is before each statement: a question of ours that was sent first. */
const before = new WeakMap<Connection, Promise<readonly unknown[]>>()

/** What a capture finds out is what was true before the last statement. */
export function positionBeforeCommit(): Disposable {
  let question: string | undefined
  const stack = new DisposableStack()
  stack.use(
    replace(
      Connection.prototype,
      'beginSending',
      (original) =>
        function asking(this: Connection, ...args) {
          if (question !== undefined && this.leadsTo === 'writer') {
            before.set(
              this,
              this.ask(question).catch(() => []),
            )
          }
          return original.apply(this, args)
        },
    ),
  )
  stack.use(
    replace(
      Connection.prototype,
      'capture',
      (original) =>
        async function capturingThePast(this: Connection, scope) {
          const past = before.get(this)
          const restore = replace<Connection, 'ask'>(this, 'ask', (ask) => async (statement) => {
            const now = await ask.call(this, statement)
            question ??= statement
            const [recovery, flushed, inserted] = (await past) ?? []
            return recovery === undefined ? now : [recovery, flushed, inserted, ...now.slice(3)]
          })
          try {
            await original.call(this, scope)
          } finally {
            restore[Symbol.dispose]()
          }
        },
    ),
  )
  return stack
}
