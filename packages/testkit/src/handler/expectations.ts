import { expect } from 'vitest'
import type { Host } from './host.js'
import type { Answer } from './send.js'

/** The regions that a request was delivered to, in order. */
export async function wayOf(host: Host, answer: Answer): Promise<(string | undefined)[]> {
  return (await host.hops(answer)).map(({ region }) => region)
}

/** The request was replayed from iad to ewr, for this reason, and its effect is there once. */
export async function expectReplayed(
  host: Host,
  answer: Answer,
  id: string,
  reason: string,
): Promise<void> {
  expect({ status: answer.status, body: answer.json() }).toMatchObject({
    status: 200,
    body: { region: 'ewr' },
  })
  expect(await host.effects(id)).toEqual(['ewr'])
  const hops = await host.hops(answer)
  expect(hops.map(({ region, replay }) => [region, replay?.to, replay?.state])).toEqual([
    ['iad', 'region=ewr', `flyback.1.${reason}`],
    ['ewr', undefined, undefined],
  ])
}

/** The request stayed in iad, and its effect came from there once. */
export async function expectForwarded(host: Host, answer: Answer, id: string): Promise<void> {
  expect({ status: answer.status, body: answer.json() }).toMatchObject({
    status: 200,
    body: { region: 'iad' },
  })
  expect(await host.effects(id)).toEqual(['iad'])
}

/** What an app itself answers to be replayed, past the edges: nothing but this. */
export function expectReplayAnswer(answer: Answer, reason: string): void {
  const { status, headers, body } = answer
  const ofTheConnection = ['date', 'connection', 'keep-alive']
  expect({
    status,
    body: body.toString(),
    headers: Object.fromEntries(headers.filter(([name]) => !ofTheConnection.includes(name))),
  }).toEqual({
    status: 409,
    body: '',
    headers: {
      'fly-replay': `region=ewr;state=flyback.1.${reason};fallback=prefer_self`,
      'cache-control': 'no-store',
      'content-length': '0',
    },
  })
}

/** An answer without what differs from one process, or one connection, to another. */
export function comparable({ status, headers, body }: Answer): object {
  const differing = new Set(['date', 'connection', 'keep-alive', 'fly-request-id', 'via'])
  return {
    status,
    headers: headers
      .filter(([name]) => !differing.has(name))
      .map((pair) => pair.join(': '))
      .toSorted(),
    body: body.toString(),
  }
}
