import { expect } from 'vitest'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Host } from '../host.js'
import type { Answer } from '../send.js'

/** A request at iad whose write ran in ewr, once, after one replay for this reason. */
async function expectReplayed(
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

/** The ways a handler may come to know of a refusal, or not. */
const FORMS: readonly (readonly [form: string, title: string, reason: string])[] = [
  ['thrown', 'a refused write that the handler throws is replayed', 'write'],
  ['wrapped', 'a refused write inside an error of the app is replayed', 'write'],
  ['swallowed', 'a refused write that the handler swallows is replayed', 'write'],
  ['transaction', 'a refused write in a transaction is replayed', 'write'],
  ['required', 'requirePrimary() is replayed', 'required'],
]

const forms = FORMS.flatMap(([form, title, reason]): HandlerCase[] => [
  {
    id: `get-${form}`,
    title: `${title}, by GET`,
    async run(host) {
      const id = host.id()
      await expectReplayed(host, await host.send('iad', `/${form}?id=${id}`), id, reason)
    },
  },
  {
    id: `attempt-${form}`,
    title: `${title}, by an attempted POST`,
    async run(host) {
      const id = host.id()
      const sent = { method: 'POST', body: 'x' }
      const answer = await host.send('iad', `/attempt/${form}?id=${id}`, sent)
      await expectReplayed(host, answer, id, reason)
    },
  },
])

const methods = ['POST', 'PUT', 'DELETE'].map(
  (method): HandlerCase => ({
    id: `method-${method.toLowerCase()}`,
    title: `${method} is replayed before its handler`,
    async run(host) {
      const id = host.id()
      const answer = await host.send('iad', `/write?id=${id}`, { method })
      await expectReplayed(host, answer, id, 'method')
    },
  }),
)

export const refusals: HandlerSection = {
  heading: 'What is refused runs in the primary region, once',
  cases: [
    {
      id: 'read',
      title: 'a read is answered by the replica of its region',
      async run(host) {
        const answer = await host.send('iad', '/read')
        expect(answer.json()).toEqual({ region: 'iad', standby: true })
        expect(await host.hops(answer)).toHaveLength(1)
      },
    },
    ...forms,
    ...methods,
    {
      id: 'error-handler',
      title: "a refusal is replayed past an error handler of the app's own",
      async run(host) {
        const id = host.id()
        await expectReplayed(host, await host.send('iad', `/handled/thrown?id=${id}`), id, 'write')
        const other = await host.send('iad', '/handled/error?id=1')
        expect([other.status, other.json()]).toEqual([500, { handled: 'broken 1' }])
      },
    },
  ],
}
