import { isContained, type Position, parseEntry, type TokenEntry } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { cookieToken, withFlyback } from '../src/fetch.js'

const CLUSTER = 'c'
const PRIMARY = { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }

/** A browser's jar: a name has one value, and one that has run out is gone. */
class Jar {
  readonly cookies = new Map<string, string>()

  receive(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split('; ')
      const at = pair.indexOf('=')
      if (attributes.includes('Max-Age=0')) this.cookies.delete(pair.slice(0, at))
      else this.cookies.set(pair.slice(0, at), pair.slice(at + 1))
    }
  }

  get header(): string {
    return [...this.cookies].map((pair) => pair.join('=')).join('; ')
  }

  /** All that it holds. */
  get entries(): TokenEntry[] {
    return [...this.cookies.values()].map(parseEntry).filter((entry) => entry !== undefined)
  }
}

interface World {
  readonly jar: Jar
  /** Where the primary is. */
  lsn: bigint
  timeline: number
  /** Answers on their way to the client. */
  readonly underWay: Response[]
  /** What the primary has taken back. */
  readonly retired: TokenEntry[]
}

const position = ({ lsn, timeline }: World): Position => ({
  type: 'position',
  cluster: CLUSTER,
  timeline,
  lsn,
  issuedAt: 1,
})

/** What an app does with one request, by what its scope comes to know. */
type Work = (world: World) => void

const write: Work = (world) => {
  world.lsn += 1n
  currentScope()?.tokens.add(position(world))
}
/** Another request has written before this one has captured. */
const writeLate: Work = (world) => {
  const captured = position(world)
  world.lsn += 5n
  currentScope()?.tokens.add(captured)
}
const pin: Work = () => currentScope()?.tokens.pin()
const read: Work = () => {}
/** Commits are lost: what is beyond the end is taken back by the next request, whoever sends it. */
const failOver: Work = (world) => {
  world.timeline += 1
  world.lsn = world.lsn > 3n ? world.lsn - 3n : 0n
}
const judge: Work = (world) => {
  const tokens = currentScope()?.tokens
  for (const entry of tokens?.given ?? []) {
    if (entry.type !== 'position' || entry.lsn <= world.lsn) continue
    tokens?.retire(entry)
    world.retired.push(entry)
  }
}

async function send(world: World, work: Work): Promise<void> {
  const handler = withFlyback(
    () => {
      work(world)
      return new Response('ok')
    },
    { env: PRIMARY, token: cookieToken() },
  )
  const { header } = world.jar
  const request = new Request('https://app.example/', { headers: { cookie: header } })
  world.underWay.push(await handler(request))
}

type Step =
  | { readonly type: 'send'; readonly work: Work }
  | { readonly type: 'arrive' | 'lose'; readonly which: number }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .constantFrom(write, write, writeLate, read, pin, judge, failOver)
      .map((work) => ({ type: 'send', work }) as const),
  },
  {
    weight: 5,
    arbitrary: fc.nat().map((which) => ({ type: 'arrive', which }) as const),
  },
  { weight: 1, arbitrary: fc.nat().map((which) => ({ type: 'lose', which }) as const) },
)

test('rule 11: what a jar holds never becomes less, whatever order responses arrive in, but by what the primary took back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const world: World = { jar: new Jar(), lsn: 10n, timeline: 1, underWay: [], retired: [] }
      for (const next of steps) {
        if (next.type === 'send') {
          await send(world, next.work)
          continue
        }
        const [response] = world.underWay.splice(next.which % (world.underWay.length || 1), 1)
        if (response === undefined || next.type === 'lose') continue
        const before = world.jar.entries
        world.jar.receive(response)
        for (const entry of before) {
          const isKept = world.jar.entries.some((held) => isContained(entry, held))
          const isRetired = world.retired.some((gone) => isContained(entry, gone))
          expect(isKept || isRetired).toBe(true)
        }
      }
    }),
    { numRuns: 1000 },
  )
})

test('a jar holds one position of a cluster once nothing is under way', async () => {
  const world: World = { jar: new Jar(), lsn: 10n, timeline: 1, underWay: [], retired: [] }
  for (let turn = 0; turn < 8; turn++) await send(world, write)
  for (const response of world.underWay.splice(0)) world.jar.receive(response)
  expect(world.jar.entries).toHaveLength(8)
  await send(world, read)
  for (const response of world.underWay.splice(0)) world.jar.receive(response)
  expect(world.jar.entries).toEqual([expect.objectContaining({ lsn: 18n })])
})
