import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { HandlerCase, HandlerSection } from '../handler-case.js'
import type { Host } from '../host.js'
import type { Sent } from '../send.js'

const FORMS = ['thrown', 'swallowed', 'clean', 'wrapped', 'transaction', 'forwarded'] as const

/** Leaves once `until` has come. Whether that was before the answer. */
async function leave(
  host: Host,
  path: string,
  sent: Sent,
  until: () => Promise<unknown>,
): Promise<boolean> {
  const left = new AbortController()
  const asked = host.send('iad', path, { ...sent, signal: left.signal })
  const hasLeft = asked.then(
    () => false,
    () => true,
  )
  await until()
  left.abort()
  return await hasLeft
}

/**
 * The id of a request to a path whose visitor has left; tries again where a busy machine was answered before. Both regions
 * still answer then.
 */
async function leaveFrom(
  host: Host,
  path: string,
  sent: Sent,
  until: (id: string) => Promise<unknown>,
): Promise<string> {
  let id = host.id()
  while (!(await leave(host, `${path}?id=${id}`, sent, () => until(id)))) id = host.id()
  // Longer than the handler takes.
  await sleep(500)
  for (const region of ['iad', 'ewr'] as const) {
    expect((await host.send(region, '/read')).json()).toMatchObject({ region })
  }
  return id
}

const leaving: readonly HandlerCase[] = [
  {
    id: 'left-replayed',
    title: 'a visitor who leaves during a replay has the effect once',
    async run(host) {
      const id = await leaveFrom(host, '/slow', { method: 'POST' }, async (sent) => {
        while ((await host.effects(sent)).length === 0) await sleep(10)
      })
      expect(await host.effects(id)).toEqual(['ewr'])
    },
  },
  {
    id: 'left-attempt',
    title: 'a visitor who leaves before the refusal has the effect once at most',
    async run(host) {
      const id = await leaveFrom(host, '/slow', {}, () => sleep(50))
      expect((await host.effects(id)).length).toBeLessThan(2)
    },
  },
  {
    id: 'left-upload',
    title: 'a visitor who leaves in the middle of a body has no effect',
    async run(host) {
      const headers = { 'content-length': '1000' }
      const sent = { method: 'POST', headers, body: 'half' }
      const id = await leaveFrom(host, '/attempt/body', sent, () => sleep(50))
      expect(await host.effects(id)).toEqual([])
    },
  },
]

export const concurrency: HandlerSection = {
  heading: 'Visitors',
  cases: [
    {
      id: 'concurrent',
      title: 'rule 15: fifty requests at once share no scope',
      async run(host) {
        const sent = Array.from({ length: 50 }, (_, at) => ({
          id: host.id(),
          form: FORMS[at % FORMS.length] ?? 'clean',
        }))
        const answers = await Promise.all(
          sent.map(({ id, form }) =>
            host.send('iad', `/attempt/${form}?id=${id}`, { method: 'POST' }),
          ),
        )
        for (const [at, { id, form }] of sent.entries()) {
          const region = form === 'clean' || form === 'forwarded' ? 'iad' : 'ewr'
          expect(answers[at]?.json()).toMatchObject({ region, form })
          const effect = form === 'forwarded' ? `${id}-a` : id
          expect(await host.effects(effect)).toEqual(form === 'clean' ? [] : [region])
        }
      },
    },
    ...leaving,
  ],
}
