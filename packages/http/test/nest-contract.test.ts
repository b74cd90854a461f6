import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { All, Req, Res, StreamableFile, type Type } from '@nestjs/common'
import type { FlybackOptions } from '../src/index.js'
import { FlybackModule } from '../src/nest.js'
import { describeBase, type Exchange, type Routes } from './support/contract.js'
import {
  controllerOf,
  createNest,
  type Handler,
  moduleOf,
  PLATFORMS,
  type Platform,
  serveNest,
} from './support/nest-app.js'
import { nodeExchange } from './support/node-exchange.js'
import type { TestServer } from './support/node-server.js'

interface Native {
  readonly raw?: Native
  setHeader(name: string, value: string): void
}

type Handle = (route: Routes[string], req: never, res: never) => unknown

/** Handlers that have Node's own request and response in their hands, as with `@Res()`. */
const rawHandle: Handle = (route, req: { raw?: never }, res: { raw?: never }) =>
  route?.(nodeExchange(req.raw ?? (req as never), res.raw ?? (res as never)))

/** Handlers that return what is to be sent, and set headers by `@Res({ passthrough: true })`. */
const returned: Handle = async (route, req: { raw?: never }, res: Native) => {
  let body: unknown
  const exchange: Exchange = {
    body: () => buffer(req.raw ?? (req as never)),
    cookie: (name, value) => (res.raw ?? res).setHeader('set-cookie', `${name}=${value}`),
    reply(text) {
      body = text
    },
    stream(chunks) {
      body = new StreamableFile(Readable.from(chunks, { objectMode: false }))
    },
  }
  await route?.(exchange)
  return body
}

function routesController(routes: Routes, handle: Handle, passthrough: boolean): Type {
  const handlers = Object.entries(routes).map(([path, route], index): [string, Handler] => {
    const run = (req: never, res: never): unknown => handle(route, req, res)
    return [`route${index}`, { on: [All(path)], run, with: [Req(), Res({ passthrough })] }]
  })
  return controllerOf('', Object.fromEntries(handlers))
}

async function start(
  platform: Platform,
  controller: Type,
  options: FlybackOptions | undefined,
): Promise<TestServer> {
  const imports = options ? [FlybackModule.forRoot(options)] : []
  const root = moduleOf({ imports, controllers: [controller] })
  const app = await createNest(platform, root, { bodyParser: false })
  if (platform === 'fastify') {
    const instance = app.getHttpAdapter().getInstance()
    instance.removeAllContentTypeParsers()
    instance.addContentTypeParser(
      '*',
      (_request: never, _body: never, done: (error: null) => void) => done(null),
    )
  }
  return serveNest(app)
}

for (const platform of PLATFORMS) {
  describeBase(`nest on ${platform}: @Res()`, (routes, options) =>
    start(platform, routesController(routes, rawHandle, false), options),
  )
  describeBase(`nest on ${platform}: returned values`, (routes, options) =>
    start(platform, routesController(routes, returned, true), options),
  )
}
