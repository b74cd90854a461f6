import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { HandlerSection } from '../handler-case.js'
import { PROGRAMS } from '../programs.js'

/** Runs last. */
export const afterwards: HandlerSection = {
  heading: 'Afterwards',
  cases: [
    {
      id: 'clients',
      title: 'rule 23: every client is back in its pool, in every region',
      async run(host) {
        for (const program of PROGRAMS.keys()) {
          const door = `app ${program}` as const
          const state = async (): Promise<Record<string, unknown>> =>
            (await host.send(door, '/clients')).json()
          for (let time = 0; time < 100 && (await state())['taken'] !== 0; time++) await sleep(20)
          expect(await state(), door).toEqual({ taken: 0, waiting: 0 })
        }
      },
    },
  ],
}
