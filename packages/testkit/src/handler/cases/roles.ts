import { expect } from 'vitest'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

const REQUESTS = [
  ['GET', '/thrown'],
  ['GET', '/swallowed'],
  ['GET', '/required'],
  ['POST', '/write'],
  ['POST', '/attempt/transaction'],
  ['GET', '/oauth/callback'],
] as const

const serves = (door: 'app ewr' | 'app single', region: string, title: string): HandlerCase => ({
  id: `role-${door.slice(4)}`,
  title,
  async run(host) {
    for (const [method, path] of REQUESTS) {
      for (const headers of [{}, { 'fly-replay-src': 'state=flyback.1.write' }]) {
        const id = host.id()
        const answer = await host.send(door, `${path}?id=${id}`, { method, headers })
        expect([answer.status, answer.header('fly-replay')], path).toEqual([200, undefined])
        // What was written is for its client alone.
        const kept = door === 'app ewr' ? 'private' : undefined
        expect(answer.header('cache-control'), path).toBe(kept)
        expect(await host.effects(id), path).toEqual([region])
      }
    }
  },
})

export const roles: HandlerSection = {
  heading: 'Roles',
  cases: [
    serves('app ewr', 'ewr', 'rule 3: role primary serves every request'),
    serves('app single', 'none', 'rule 3: role single serves every request'),
    {
      id: 'read-single',
      title: 'rule 21: role single reads where DATABASE_URL says',
      async run(host) {
        const answer = await host.send('app single', '/read')
        expect(answer.json()).toEqual({ region: 'none', standby: false })
      },
    },
  ],
}
