import { expect } from 'vitest'
import { wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

const EVENTS = (region: string, standby: boolean): string =>
  ['one', 'two', 'three'].map((word) => `data: ${word} ${region} ${standby}\n\n`).join('')

const breaksOff = (id: string, path: string, title: string): HandlerCase => ({
  id,
  title,
  async run(host) {
    const effect = host.id()
    const answer = await host.send('iad', `${path}?id=${effect}`)
    expect(answer).toMatchObject({ status: 200, complete: false })
    expect(answer.text()).toBe('begun')
    expect(await wayOf(host, answer)).toEqual(['iad'])
    expect(await host.effects(effect)).toEqual([])
  },
})

export const streams: HandlerSection = {
  heading: 'Streams',
  cases: [
    {
      id: 'events',
      title: 'server-sent events arrive one by one, each read from the replica',
      async run(host) {
        const parts: string[] = []
        const onPart = (part: string): void => void parts.push(part)
        const answer = await host.send('iad', '/stream/events', { onPart })
        expect(answer.header('content-type')).toContain('text/event-stream')
        expect(answer.text()).toBe(EVENTS('iad', true))
        expect(answer.complete).toBe(true)
        expect(parts[0]).not.toContain('three')
      },
    },
    breaksOff(
      'late',
      '/stream/late',
      'rule 5: a refusal after the headers breaks the response off',
    ),
    breaksOff(
      'late-swallowed',
      '/stream/swallowed',
      'rule 5: a swallowed refusal after the headers breaks the response off',
    ),
    {
      id: 'late-primary',
      title: 'the same stream ends well in the primary region',
      async run(host) {
        const id = host.id()
        const answer = await host.send('ewr', `/stream/late?id=${id}`)
        expect([answer.complete, answer.text()]).toEqual([true, 'begundone'])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
    {
      id: 'stream-replayed',
      title: 'a refusal before a stream begins is replayed, and the stream comes from there',
      async run(host) {
        const id = host.id()
        const answer = await host.send('iad', `/stream/written?id=${id}`)
        expect([answer.complete, answer.text()]).toEqual([true, EVENTS('ewr', false)])
        expect(await host.effects(id)).toEqual(['ewr'])
      },
    },
  ],
}
