import { ReplayRequired } from '@flyback/core'
import { getRequestListener } from '@hono/node-server'
import { data, type LoaderFunctionArgs, redirect } from 'react-router'
import { describe, expect, test } from 'vitest'
import { flyback, flybackErrors } from '../src/react-router.js'
import { describeBase, REPLAY, refuse, scope } from './support/contract.js'
import { REPLICA } from './support/environments.js'
import { fetchExchange } from './support/fetch-exchange.js'
import { startServer } from './support/node-server.js'
import { createRouterApp, type RouterRoute } from './support/react-router-app.js'

describeBase('react-router', (routes, options) => {
  const resource = (path: string): RouterRoute => {
    const respond = async ({ request }: LoaderFunctionArgs): Promise<Response> => {
      const exchange = fetchExchange(request)
      await routes[path]?.(exchange)
      return exchange.response()
    }
    return { loader: respond, action: respond }
  }
  const paths = Object.keys(routes).map((path) => [path.slice(1), resource(path)])
  const app = createRouterApp({
    middleware: options === undefined ? [] : [flyback(options)],
    routes: Object.fromEntries(paths),
  })
  // The listener passes on more than the request, which React Router would take for its context.
  return startServer(getRequestListener((request) => app(request)))
})

const REFUSED: RouterRoute = {
  page: true,
  loader: () => {
    throw refuse()
  },
}

/** An error of another copy of the driver, far from any scope. */
const lost = (replayable = true): Error =>
  new Error('orm', { cause: new ReplayRequired({ region: 'ewr', reason: 'write', replayable }) })

const send = async (
  app: (request: Request) => Promise<Response>,
  path: string,
  init?: RequestInit,
): Promise<{ status: number; replay: string | null; headers: Headers; text: string }> => {
  const response = await app(new Request(`http://app${path}`, init))
  const { status, headers } = response
  return { status, replay: headers.get('fly-replay'), headers, text: await response.text() }
}

describe('pages', () => {
  test.each(['/page', '/page.data', '/page.data?_routes=page'])(
    'a refusal in the loader of a page is replayed at %s, in place of its error page',
    async (path) => {
      const routes = { page: REFUSED }
      const app = createRouterApp({ middleware: [flyback({ env: REPLICA })], routes })
      expect(await send(app, path)).toMatchObject({ status: 409, replay: REPLAY, text: '' })
      const plain = createRouterApp({
        middleware: [],
        routes: { page: { page: true, loader: () => Promise.reject(lost()) } },
      })
      expect((await send(plain, path)).status).toBe(500)
    },
  )

  test('an action is replayed before it runs, called by a form or by the router', async () => {
    let calls = 0
    const page = { page: true, action: () => ++calls }
    const app = createRouterApp({ middleware: [flyback({ env: REPLICA })], routes: { page } })
    for (const path of ['/page', '/page.data']) {
      const reply = await send(app, path, { method: 'POST', body: 'x' })
      expect(reply).toMatchObject({ status: 409, replay: REPLAY.replace('write', 'method') })
    }
    expect(calls).toBe(0)
  })

  test('what no route fits is answered by React Router itself', async () => {
    const app = createRouterApp({ middleware: [flyback({ env: REPLICA })], routes: {} })
    const reply = await send(app, '/nowhere', { method: 'POST', body: 'x' })
    expect(reply).toMatchObject({ status: 404, replay: null })
  })

  test('redirects, data() and thrown responses are as without Flyback', async () => {
    const throwing = (thrown: () => unknown): RouterRoute => ({
      page: true,
      loader: () => {
        throw thrown()
      },
    })
    const routes = {
      redirect: throwing(() => redirect('/elsewhere', { headers: { 'set-cookie': 'a=b' } })),
      data: { page: true, loader: () => data('made', { status: 201 }) },
      missing: throwing(() => data('gone', { status: 410 })),
      response: throwing(() => new Response('no', { status: 403 })),
    }
    const app = createRouterApp({ middleware: [flyback({ env: REPLICA })], routes })
    const plain = createRouterApp({ middleware: [], routes })
    for (const path of ['/redirect', '/data', '/missing', '/response', '/nowhere']) {
      for (const suffix of ['', '.data']) {
        const reply = await send(app, path + suffix)
        const expected = await send(plain, path + suffix)
        expect({ ...reply, headers: [...reply.headers] }).toEqual({
          ...expected,
          headers: [...expected.headers],
        })
      }
    }
  })

  test('a refusal in a middleware below is replayed, before and after its next()', async () => {
    const before = { page: true, middleware: [() => Promise.reject(refuse())], loader: () => 1 }
    const after = {
      page: true,
      middleware: [
        async (_args: unknown, next: () => Promise<Response>) => {
          await next()
          throw refuse()
        },
      ],
      loader: () => 1,
    }
    const routes = { before, after }
    const app = createRouterApp({ middleware: [flyback({ env: REPLICA })], routes })
    expect((await send(app, '/before')).replay).toBe(REPLAY)
    expect((await send(app, '/after')).replay).toBe(REPLAY)
  })
})

describe('routes', () => {
  test.each(['/page', '/page.data', '/page.data?_routes=page'])(
    'rules match the path of the route when %s is asked for',
    async (path) => {
      const app = createRouterApp({
        middleware: [flyback({ env: REPLICA, routes: [{ path: '/page', policy: 'forward' }] })],
        routes: { page: { page: true, loader: () => scope().state } },
      })
      const reply = await send(app, path)
      expect(reply.text).toContain('forwarding')
    },
  )

  test('match sees what a loader sees: the pattern of the route and its params', async () => {
    const match = ({ pattern, params }: LoaderFunctionArgs): boolean =>
      pattern === 'books/:id' && params['id'] === '7'
    const app = createRouterApp({
      middleware: [flyback({ env: REPLICA, routes: [{ match, policy: 'replay' }] })],
      routes: { 'books/:id': { loader: () => 'read' } },
    })
    expect((await send(app, '/books/7')).replay).toBe(REPLAY.replace('write', 'route'))
    expect((await send(app, '/books/8')).text).toBe('read')
  })
})

describe('flybackErrors', () => {
  const serve = (route: RouterRoute, env = REPLICA) => {
    const reported: unknown[] = []
    const app = createRouterApp({
      middleware: [flyback({ env })],
      routes: { route },
      handleError: flybackErrors((error) => reported.push(error)),
    })
    return { app, reported }
  }

  test.each([true, false])('reports nothing of a replay (a page: %s)', async (page) => {
    const { app, reported } = serve({ ...REFUSED, page })
    expect((await send(app, '/route')).status).toBe(409)
    expect(reported).toEqual([])
  })

  test.each([true, false])(
    'finds a refusal where the async context was lost (a page: %s)',
    async (page) => {
      const { app, reported } = serve({ page, loader: () => Promise.reject(lost()) })
      expect(await send(app, '/route')).toMatchObject({ status: 409, replay: REPLAY, text: '' })
      expect(reported).toEqual([])
    },
  )

  test('reports every other error, and a refusal that is not replayed', async () => {
    const other = new Error('other')
    const { app, reported } = serve({ loader: () => Promise.reject(other) })
    expect((await send(app, '/route')).status).toBe(500)
    expect(reported).toEqual([other])

    const late = lost(false)
    const second = serve({ loader: () => Promise.reject(late) })
    expect((await send(second.app, '/route')).status).toBe(500)
    expect(second.reported).toEqual([late])

    const forwarded = lost()
    const third = serve({
      loader: () => {
        scope().enterWriter('db')
        throw forwarded
      },
    })
    expect((await send(third.app, '/route')).status).toBe(500)
    expect(third.reported).toEqual([forwarded])

    const single = serve({ loader: () => Promise.reject(forwarded) }, {})
    expect((await send(single.app, '/route')).status).toBe(500)
    expect(single.reported).toEqual([forwarded])
  })
})
