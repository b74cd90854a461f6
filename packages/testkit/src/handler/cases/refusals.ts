import { expect } from 'vitest'
import { expectReplayed, wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

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
  heading: 'Refusals',
  cases: [
    {
      id: 'read',
      title: 'a read is answered by the replica of its region',
      async run(host) {
        const answer = await host.send('iad', '/read')
        expect(answer.json()).toEqual({ region: 'iad', standby: true })
        expect(await wayOf(host, answer)).toEqual(['iad'])
      },
    },
    ...forms,
    ...methods,
    {
      id: 'forwarded',
      title: 'rule 1: a request that wrote from its region is never replayed',
      async run(host) {
        const id = host.id()
        const answer = await host.send('iad', `/forwarded?id=${id}`)
        expect(answer.json()).toMatchObject({ region: 'iad' })
        expect(await wayOf(host, answer)).toEqual(['iad'])
        expect(await host.effects(`${id}-a`)).toEqual(['iad'])
        expect(await host.effects(`${id}-b`)).toEqual(['iad'])
      },
    },
    {
      id: 'both',
      title: 'rule 1: a write from its region beside a refused one has each effect once',
      async run(host) {
        const id = host.id()
        const sent = { method: 'POST' }
        const answer = await host.send('iad', `/attempt/both?id=${id}`, sent)
        expect(answer.status).toBe(200)
        expect(await host.effects(`${id}-a`)).toHaveLength(1)
        expect(await host.effects(`${id}-b`)).toHaveLength(1)
      },
    },
    {
      id: 'forgetful',
      title: 'rule 16: a handler that never gives its client back when refused leaves none behind',
      async run(host) {
        // More often than its pool has clients.
        for (let time = 0; time < 6; time++) {
          const id = host.id()
          const answer = await host.send('iad', `/forgetful?id=${id}`)
          await expectReplayed(host, answer, id, 'write')
        }
      },
    },
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
