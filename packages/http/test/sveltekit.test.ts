import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import { getRequestListener } from '@hono/node-server'
import type { RequestEvent } from '@sveltejs/kit'
import type { Handle } from '@sveltejs/kit/hooks'
import { describe, expect, test } from 'vitest'
import { flyback, flybackErrors } from '../src/sveltekit.js'
import { describeBase, REPLAY, refuse, scope } from './support/contract.js'
import { PRIMARY, REPLICA } from './support/environments.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { startServer } from './support/node-server.js'
import { createKitApp } from './support/sveltekit-app.js'

describeBase('sveltekit', (routes, options) => {
  const respond = async ({ request, url }: RequestEvent): Promise<Response> => {
    const route = routes[url.pathname]
    if (route === undefined) return new Response(null, { status: 404 })
    const exchange = fetchExchange(request)
    await route(exchange)
    return exchange.response()
  }
  const plain: Handle = ({ event, resolve }) => resolve(event)
  const handle = options === undefined ? plain : flyback(options)
  return startServer(getRequestListener(createKitApp({ handle }, respond)))
})

const state = (): Response => new Response(scope().state)

describe('routes', () => {
  const serve = createKitApp(
    {
      handle: flyback({
        env: REPLICA,
        routes: [
          { path: '/page', policy: 'forward' },
          { match: (event) => event.url.searchParams.has('forward'), policy: 'forward' },
        ],
      }),
    },
    state,
  )
  const stateOf = async (path: string, headers: Record<string, string> = {}): Promise<string> =>
    (await serve(new Request(`http://app${path}`, { headers }))).text()

  test('rules match the path of the page when its data alone is asked for', async () => {
    expect(await stateOf('/page')).toBe('forwarding')
    expect(await stateOf('/page/__data.json')).toBe('forwarding')
    expect(await stateOf('/other/__data.json')).toBe('open')
  })

  test('match gets the event', async () => {
    expect(await stateOf('/other?forward')).toBe('forwarding')
  })

  test('rule 20: the page that a remote call says it comes from chooses no rule', async () => {
    const headers = { 'x-sveltekit-pathname': '/page' }
    expect(await stateOf('/_app/remote/1/f', headers)).toBe('open')
  })
})

describe('flybackErrors', () => {
  const lost = (replayable = true): Error =>
    new Error('orm', { cause: new ReplayRequired({ region: 'ewr', reason: 'write', replayable }) })

  async function report(
    respond: (event: RequestEvent) => Promise<Response> | Response,
    env = REPLICA,
  ): Promise<{ replay: string | null; status: number; reported: unknown[] }> {
    const reported: unknown[] = []
    const handleError = flybackErrors(({ error }) => void reported.push(error))
    const serve = createKitApp({ handle: flyback({ env }), handleError }, respond)
    const { status, headers } = await serve(new Request('http://app/'))
    return { status, replay: headers.get('fly-replay'), reported }
  }

  test('reports nothing of a replay', async () => {
    const thrown = (): never => {
      throw new Error('orm', { cause: refuse() })
    }
    expect(await report(thrown)).toEqual({ status: 409, replay: REPLAY, reported: [] })
  })

  test('finds a refusal where the async context was lost', async () => {
    const thrown = (): Promise<never> => Promise.reject(lost())
    expect(await report(thrown)).toEqual({ status: 409, replay: REPLAY, reported: [] })
  })

  test('an error that a request inside the request reports belongs to the outer one', async () => {
    const inner = createKitApp(
      {
        handle: flyback({ env: REPLICA }),
        handleError: flybackErrors(() => expect.unreachable()),
      },
      () => Promise.reject(lost()),
    )
    const outer = (): Promise<Response> => inner(new Request('http://app/inner'))
    expect(await report(outer)).toEqual({ status: 409, replay: REPLAY, reported: [] })
  })

  test.each([
    ['any other error', new Error('other'), REPLICA],
    ['a refusal that is not replayable', lost(false), REPLICA],
    ['a refusal in the primary region', lost(), PRIMARY],
    ['a refusal without regions', lost(), {}],
  ])('reports %s', async (_what, error, env) => {
    const thrown = (): Promise<never> => Promise.reject(error)
    expect(await report(thrown, env)).toEqual({ status: 500, replay: null, reported: [error] })
  })

  test('reports a refusal after contact with the writer', async () => {
    const error = lost()
    const thrown = (): never => {
      currentScope()?.enterWriter('db')
      throw error
    }
    expect(await report(thrown)).toEqual({ status: 500, replay: null, reported: [error] })
  })
})
