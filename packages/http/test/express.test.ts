import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import express, { type Express, type NextFunction, type Request, type Response } from 'express'
import express4 from 'express4'
import { afterEach, beforeEach, describe, expect, type MockInstance, test, vi } from 'vitest'
import { flyback } from '../src/express.js'

const env = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', FLY_APP_NAME: 'app', FLY_MACHINE_ID: 'm1' }

let logged: MockInstance
beforeEach(() => {
  logged = vi.spyOn(console, 'error').mockImplementation(() => {})
})
afterEach(() => logged.mockRestore())

async function answerOf(
  app: Express,
  path = '/',
): Promise<{ status: number; replay: string | null }> {
  const server = createServer(app)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    // A server that listens on a port has an AddressInfo.
    const { port } = server.address() as AddressInfo
    const response = await fetch(`http://127.0.0.1:${port}${path}`)
    await response.arrayBuffer()
    return { status: response.status, replay: response.headers.get('fly-replay') }
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

/** What Express itself logs comes a turn after the response. */
const settled = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 20))

describe.each([
  ['4', express4],
  ['5', express],
])('Express %s', (_version, create) => {
  const createApp = (): Express => {
    const app = create()
    app.set('env', 'development') // Express is silent in 'test'
    app.use(flyback({ env }))
    return app
  }

  test('a replay leaves nothing in the log', async () => {
    const app = createApp()
    app.get('/', (_req: Request, _res: Response, next: NextFunction) => {
      next(new Error('wrapped', { cause: currentScope()?.refuse('ewr', 'write') }))
    })
    expect(await answerOf(app)).toMatchObject({ status: 409 })
    await settled()
    expect(logged).not.toHaveBeenCalled()
  })

  test('any other error is logged and answered as without Flyback', async () => {
    const app = createApp()
    app.get('/', (_req: Request, _res: Response, next: NextFunction) => next(new Error('mine')))
    expect(await answerOf(app)).toEqual({ status: 500, replay: null })
    await settled()
    expect(logged).toHaveBeenCalledOnce()
  })

  test('a ReplayRequired thrown out of sight of the scope is replayed all the same', async () => {
    const app = createApp()
    app.get('/', (_req: Request, _res: Response, next: NextFunction) => {
      next(new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true }))
    })
    expect((await answerOf(app)).replay).toContain('region=ewr;state=flyback.1.write')
  })

  test("the app's own error handlers come first", async () => {
    const app = createApp()
    const seen: unknown[] = []
    app.get('/', (_req: Request, _res: Response, next: NextFunction) =>
      next(currentScope()?.refuse('ewr', 'write')),
    )
    app.use((error: unknown, _req: Request, _res: Response, next: NextFunction) => {
      seen.push(error)
      next(error)
    })
    expect(await answerOf(app)).toMatchObject({ status: 409 })
    expect(seen).toHaveLength(1)
  })

  test('rule 5: a refusal after the headers is logged, and the response breaks off', async () => {
    const app = createApp()
    app.get('/', (_req: Request, res: Response, next: NextFunction) => {
      res.write('begun', () => next(currentScope()?.refuse('ewr', 'write')))
    })
    await expect(answerOf(app)).rejects.toThrow()
    await settled()
    expect(logged).toHaveBeenCalledOnce()
  })

  test('rule 21: without region variables the app gets no error handler of ours', async () => {
    const app: Express = create()
    app.use(flyback({ env: {} }))
    app.get('/', (_req: Request, res: Response) => res.end())
    const use = vi.spyOn(app, 'use')
    await answerOf(app)
    expect(use).not.toHaveBeenCalled()
  })

  test('the error handler is added once, at the first request', async () => {
    const app = createApp()
    app.get('/', (_req: Request, res: Response) => res.end())
    const use = vi.spyOn(app, 'use')
    await answerOf(app)
    await answerOf(app)
    expect(use).toHaveBeenCalledOnce()
  })
})
