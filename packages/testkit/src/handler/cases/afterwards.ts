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
          await expect
            .poll(state, { message: door, interval: 20, timeout: 2000 })
            .toEqual({ taken: 0, waiting: 0 })
        }
      },
    },
  ],
}
