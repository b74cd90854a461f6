import { expectForwarded, expectReplayAnswer, expectReplayed } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

/** What a client may write into headers of the platform, to be taken for a request that was replayed. */
const STOPPING: readonly (readonly [header: string, value: string])[] = [
  ['fly-replay-src', 'instance=1;region=ewr;t=1;state=flyback.1.write'],
  ['fly-replay-src', 'state=flyback.9.a-word-to-come'],
  ['fly-replay-failed', 'reason=no_candidate'],
  ['fly-replay-cache-status', 'hit'],
]

/** And what must change nothing. */
const IGNORED: readonly (readonly [header: string, value: string])[] = [
  ['fly-replay-src', 'instance=1;region=evil;t=1;state=evil'],
  ['fly-replay-src', 'state=flyback.1.write%0d%0aset-cookie:evil'],
  ['fly-replay-src', `region=${'x'.repeat(4000)};state=flyback.1.`],
  ['fly-replay-src', ';;;=;,,state;region'],
  ['fly-replay', 'region=evil;state=evil'],
  ['fly-region', 'evil'],
  ['cookie', 'fly-replay=region=evil; flyback="region=evil;state=evil"; __Host-flyback=evil'],
  ['x-forwarded-host', 'evil'],
  ['x-http-method-override', 'DELETE'],
]

const PATHS = [
  '/thrown?id=%0d%0afly-replay:%20region=evil',
  '/thrown?region=evil;state=evil&id=%0A',
  '/attempt/thrown?fly-replay=region%3Devil',
]

const stops = ([header, value]: readonly [string, string], at: number): HandlerCase => ({
  id: `forged-${at}`,
  title: `rule 2: a forged ${header} stops the replay of its own request, no more: ${value}`,
  async run(host) {
    const headers = { [header]: value }
    for (const door of ['iad trusting', 'app iad'] as const) {
      const effect = host.id()
      const answer = await host.send(door, `/write?id=${effect}`, { method: 'POST', headers })
      await expectForwarded(host, answer, effect)
    }
    const effect = host.id()
    const sent = { method: 'POST', headers }
    const answer = await host.send('iad', `/write?id=${effect}`, sent)
    await expectReplayed(host, answer, effect, 'method')
  },
})

export const hostile: HandlerSection = {
  heading: 'Attacks',
  cases: [
    ...STOPPING.map(stops),
    {
      id: 'ignored',
      title: 'rule 20: hostile headers and cookies reach no fly-replay',
      async run(host) {
        for (const [header, value] of IGNORED) {
          const sent = { headers: { [header]: value } }
          const raw = await host.send('app iad', `/thrown?id=${host.id()}`, sent)
          expectReplayAnswer(raw, 'write')
          const effect = host.id()
          const answer = await host.send('iad trusting', `/thrown?id=${effect}`, sent)
          await expectReplayed(host, answer, effect, 'write')
        }
      },
    },
    {
      id: 'injection',
      title: 'rule 20: hostile paths and queries reach no header',
      async run(host) {
        for (const path of PATHS) {
          const method = path.startsWith('/attempt') ? 'POST' : 'GET'
          expectReplayAnswer(await host.send('app iad', path, { method }), 'write')
        }
      },
    },
  ],
}
