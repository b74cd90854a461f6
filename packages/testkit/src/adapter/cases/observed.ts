import { type FlybackEvents, observe, type RequestStarted, Scope } from '@flyback/core'
import { runOnPrimary } from '@flyback/core/scope'
import { expect } from 'vitest'
import { failure } from '../../requests.js'
import { type Bench, PRIMARY, REPLICA } from '../bench.js'
import type { ContractSection } from '../contract-case.js'

const CHANNELS = [
  'flyback:statement:start',
  'flyback:statement:end',
  'flyback:refusal',
  'flyback:retry',
  'flyback:primary-unavailable',
] as const

interface Told extends Disposable {
  readonly scope: Scope
  /** What was told on a channel of this request. */
  on<Name extends (typeof CHANNELS)[number]>(name: Name): FlybackEvents[Name][]
  /** Everything, as a log would show it. */
  text(): string
}

/** Listens to everything, and opens the scope of a request that is told. */
function listen(region = REPLICA): Told {
  const role = region === PRIMARY ? 'primary' : 'replica'
  const request: RequestStarted = {
    region,
    primaryRegion: PRIMARY,
    role,
    method: 'GET',
    path: '/',
    policy: 'attempt',
    policyBy: 'method',
    origin: { replayed: false, cached: false, failed: false },
  }
  const heard: { name: string; event: { readonly request: RequestStarted | undefined } }[] = []
  const stops = CHANNELS.map((name) => observe(name, (event) => void heard.push({ name, event })))
  return {
    scope: new Scope({ role, primaryRegion: PRIMARY, canReplay: role === 'replica', request }),
    on<Name extends (typeof CHANNELS)[number]>(name: Name) {
      // A channel carries nothing but its own events.
      const events = heard.filter((one) => one.name === name).map(({ event }) => event)
      return events.filter((event) => event.request === request) as FlybackEvents[Name][]
    },
    text: () => JSON.stringify(heard),
    [Symbol.dispose]() {
      for (const stop of stops) stop()
    },
  }
}

async function read(
  bench: Bench,
  region: string,
): Promise<FlybackEvents['flyback:statement:end'][]> {
  await using open = await bench.open(region)
  using told = listen(region)
  await bench.request(told.scope, async () => {
    expect(await open.items.find('n1')).toMatchObject({ name: 'n1' })
    await open.query('select 1')
  })
  expect(told.on('flyback:refusal')).toEqual([])
  const ended = told.on('flyback:statement:end')
  expect(told.on('flyback:statement:start'), 'one object').toEqual(ended)
  expect(ended).toHaveLength(2)
  return ended
}

export const observed: ContractSection = {
  heading: 'What is told of statements',
  cases: [
    {
      title: 'a statement is told once, with its request, and the replica that answered it',
      async run(bench) {
        const { hostname, port, pathname } = new URL(bench.database.url(REPLICA, 'replica'))
        for (const statement of await read(bench, REPLICA)) {
          expect(statement).toMatchObject({
            endpoint: 'replica',
            reason: 'local',
            member: 'replica',
            memberBy: 'announced',
            serverAddress: hostname,
            serverPort: Number(port),
            database: pathname.slice(1),
            outcome: 'answered',
            sqlstate: undefined,
          })
        }
      },
    },
    {
      title: 'in the primary region too, with the primary',
      async run(bench) {
        for (const statement of await read(bench, PRIMARY)) {
          expect(statement).toMatchObject({
            endpoint: 'writer',
            reason: 'primary-region',
            member: 'primary',
            outcome: 'answered',
          })
        }
      },
    },
    {
      title: 'a refused write is told as one refusal; a known one as no statement',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        using told = listen()
        await bench.request(told.scope, () => failure(open.items.insert(bench.name())))
        const known = bench.adapter.knownWrites === 'at once'
        const reason = known ? 'known-write' : 'write'
        expect(told.on('flyback:refusal')).toMatchObject([
          { reason, region: PRIMARY, replayable: true },
        ])
        const ended = told.on('flyback:statement:end').at(-1)
        if (known) expect(ended).toBeUndefined()
        else expect(ended).toMatchObject({ outcome: 'refused', sqlstate: '25006' })
      },
    },
    {
      title: 'work asked onto the primary says so, and so does all that follows it',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        using told = listen()
        await bench.request(told.scope, async () => {
          await runOnPrimary(() => open.query('select 1'))
          await open.query('select 1')
        })
        const one = { endpoint: 'writer', reason: 'asked', member: 'primary', outcome: 'answered' }
        expect(told.on('flyback:statement:end')).toMatchObject([one, one])
        expect([told.scope.answeredBy, told.scope.forwardReason]).toEqual(['primary', 'asked'])
      },
    },
    {
      title: 'rule 19: nothing of a statement, its parameters, its rows or the credentials is told',
      async run(bench) {
        await using open = await bench.open(REPLICA)
        using told = listen()
        const { username, password } = new URL(bench.database.url(REPLICA, 'replica'))
        const sql = "select $1::text || 'sEcReT-row' as a /* sEcReT-sql */"
        await bench.request(told.scope, async () => {
          await open.query(sql, ['sEcReT-parameter'])
          await failure(open.query(`${sql} from sEcReT_missing`, ['sEcReT-parameter']))
          await failure(open.query('insert into item (name) values ($1)', ['sEcReT-parameter']))
        })
        const text = told.text()
        expect(text).toContain('"refused"')
        expect(text).not.toMatch(/sEcReT|insert|select/i)
        expect(text).not.toContain(password)
        expect(text).not.toContain(`"${username}"`)
      },
    },
  ],
}
