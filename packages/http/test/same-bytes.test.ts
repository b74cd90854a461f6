import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { withFlyback } from '../src/node.js'
import { scope } from './support/contract.js'
import { REPLICA } from './support/environments.js'

// What a handler may do with a response, in any order, also where it is an error of the handler's. Without `cork`, which has
// its say in where chunks end.

type Step =
  | { readonly do: 'write' | 'end'; readonly text: string }
  | { readonly do: 'setHeader' | 'writeHead' | 'flushHeaders' | 'turn' | 'wait' }

const text = fc.constantFrom('', 'a', 'bc', 'd'.repeat(100), 'é'.repeat(20_000))
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('write', 'write', 'end'), text }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('setHeader', 'writeHead', 'flushHeaders', 'turn', 'wait'),
    }),
  },
)

/** Runs the steps, and notes what the handler saw: results, and the codes of errors. */
async function run(
  steps: readonly Step[],
  res: ServerResponse,
  seen: unknown[],
  andEnd = true,
): Promise<void> {
  let count = 0
  res.on('error', (error) => void seen.push(['error', Reflect.get(error, 'code')]))
  for (const next of steps) {
    // What Node says to a write after the end depends on how soon the connection is closed.
    if (res.writableEnded && 'text' in next) continue
    try {
      seen.push(await take(next, res, ++count))
    } catch (error) {
      seen.push(Reflect.get(Object(error), 'code'))
    }
  }
  if (andEnd && !res.writableEnded) res.end('last')
}

async function take(next: Step, res: ServerResponse, count: number): Promise<unknown> {
  switch (next.do) {
    case 'write':
      return [res.write(next.text), res.headersSent]
    case 'end':
      return [res.end(next.text) === res, res.headersSent]
    case 'setHeader':
      return res.setHeader(`x-${count}`, String(count)) === res
    case 'writeHead':
      return [res.writeHead(201, { 'x-own': String(count) }) === res, res.headersSent]
    case 'flushHeaders':
      res.flushHeaders()
      return res.headersSent
    case 'turn':
      return await new Promise<void>((resolve) => setImmediate(resolve))
    case 'wait':
      return await new Promise<void>((resolve) => setTimeout(resolve, 5))
  }
}

async function bytesOf(
  request: string,
  listener: (req: IncomingMessage, res: ServerResponse) => void,
): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  // A listening TCP server has an AddressInfo, never a string or null.
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(request)
  let bytes = ''
  for await (const chunk of socket.setEncoding('latin1')) bytes += chunk
  await new Promise((resolve) => server.close(resolve))
  return bytes.replace(/^date: .*\r\n/im, '')
}

/** An error event comes a little later when a write is held. */
function sorted(seen: readonly unknown[]): readonly string[] {
  return seen.map((one) => JSON.stringify(one)).toSorted()
}

const requests = ['GET / HTTP/1.1', 'HEAD / HTTP/1.1', 'GET / HTTP/1.0'].map(
  (line) => `${line}\r\nhost: x\r\nconnection: close\r\n\r\n`,
)
const [GET = ''] = requests

test('a response that nothing refuses is byte for byte what it is without Flyback, and so is what its handler sees', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...requests),
      fc.array(step, { maxLength: 8 }),
      fc.boolean(),
      async (request, steps, isPending) => {
        const [seen, seenWithout]: [unknown[], unknown[]] = [[], []]
        let done: Promise<void> | undefined
        const handler = withFlyback(
          (_req, res) => {
            // A statement that is answered a moment later.
            if (isPending) setTimeout(scope().follow({ pending: true }), 10)
            done = run(steps, res, seen)
          },
          { env: REPLICA },
        )
        const bytes = await bytesOf(request, handler)
        await done
        const without = await bytesOf(request, (_req, res) => {
          done = run(steps, res, seenWithout)
        })
        await done
        expect(bytes).toBe(without)
        expect(sorted(seen)).toEqual(sorted(seenWithout))
      },
    ),
    { numRuns: 300 },
  )
})

test('rule 5: a refusal that is replayable becomes a replay alone, whatever the handler has done and still does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 6 }),
      fc.array(step, { maxLength: 6 }),
      fc.constantFrom('at once', 'soon', 'later'),
      async (before, after, when) => {
        let isRefused = false
        let done: Promise<void> | undefined
        const handler = withFlyback(
          (_req, res) => {
            const own = scope()
            const forget = own.follow({ pending: true })
            const answer = (): void => {
              isRefused = !res.writableFinished && own.refuse('ewr', 'write').replayable
              forget()
            }
            const work = async (): Promise<void> => {
              await run(before, res, [], false)
              if (when === 'at once') answer()
              else if (when === 'soon') setImmediate(answer)
              else setTimeout(answer, 7)
              await run(after, res, [])
            }
            done = work()
          },
          { env: REPLICA },
        )
        const bytes = await bytesOf(GET, handler)
        await done
        if (!isRefused) return
        expect(bytes).toMatch(
          /^HTTP\/1\.1 409 Conflict\r\n(?!.*x-own)(?=.*^fly-replay: region=ewr;)(?=.*^content-length: 0\r$).*\r\n\r\n$/ims,
        )
      },
    ),
    { numRuns: 300 },
  )
})
