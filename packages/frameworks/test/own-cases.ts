import { type Answer, type Host, type Sent, wayOf } from '@flyback/testkit'
import { expect } from 'vitest'

/** A request at iad, to a path that leaves an effect, and what became of both. */
export interface Outcome {
  readonly answer: Answer
  readonly effects: readonly string[]
  readonly way: readonly (string | undefined)[]
}

/** Sends a request of its own to iad; its effect has an id of its own. */
export async function sendWrite(host: Host, path: string, sent: Sent = {}): Promise<Outcome> {
  const id = host.id()
  const separator = path.includes('?') ? '&' : '?'
  const answer = await host.send('iad', `${path}${separator}id=${id}`, sent)
  return { answer, effects: await host.effects(id), way: await wayOf(host, answer) }
}

/** The same, which has to be replayed once for this reason: its effect comes from ewr, and no trace of iad is in the answer. */
export async function sendReplayed(
  host: Host,
  path: string,
  reason: 'method' | 'write',
  sent: Sent = {},
): Promise<Answer> {
  const { answer, effects, way } = await sendWrite(host, path, sent)
  expect({ effects, way }).toEqual({ effects: ['ewr'], way: ['iad', 'ewr'] })
  const [first] = await host.hops(answer)
  expect(first?.replay?.state).toBe(`flyback.1.${reason}`)
  return answer
}

const TYPE = 'application/x-www-form-urlencoded'

/** A form as a browser sends it, with its length or without. */
export function form(
  fields: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Sent {
  const body = new URLSearchParams(fields).toString()
  return { method: 'POST', headers: { 'content-type': TYPE, ...headers }, body }
}

export function chunked(sent: Sent): Sent {
  const whole = String(sent.body)
  return { ...sent, body: [whole.slice(0, 5), whole.slice(5)] }
}
