import {
  createRequestHandler,
  type EntryContext,
  type HandleErrorFunction,
  type LoaderFunction,
  type MiddlewareFunction,
} from 'react-router'

export interface RouterRoute {
  readonly loader?: LoaderFunction
  readonly action?: LoaderFunction
  readonly middleware?: MiddlewareFunction<Response>[]
  /** A page, rather than a resource route. @default false */
  readonly page?: boolean
}

export interface RouterApp {
  readonly middleware: MiddlewareFunction<Response>[]
  /** By path pattern, without the first slash. */
  readonly routes: Readonly<Record<string, RouterRoute>>
  readonly handleError?: HandleErrorFunction
}

/** React Router's own request handler over a build as its compiler makes them, but for the rendering of pages. */
export function createRouterApp({
  middleware,
  routes,
  handleError = () => undefined,
}: RouterApp): (request: Request) => Promise<Response> {
  const pages = Object.entries(routes).map(([path, { page = false, ...module }]) => [
    path,
    { id: path, path, parentId: 'root', module: { ...module, default: page ? Page : undefined } },
  ])
  const root = { id: 'root', path: '', module: { middleware, default: Page } }
  const module = {
    default: (_request: Request, status: number, headers: Headers, context: EntryContext) =>
      new Response(JSON.stringify(context.staticHandlerContext.loaderData), { status, headers }),
    handleError,
  }
  return createRequestHandler({
    entry: { module },
    // What the compiler generates has more to each route than the server reads.
    routes: { root, ...Object.fromEntries(pages) },
    assets: { entry: { imports: [], module: '' }, routes: {}, url: '', version: '' },
    publicPath: '/',
    assetsBuildDirectory: '',
    future: {},
    ssr: true,
    isSpaMode: false,
    prerender: [],
    routeDiscovery: { mode: 'initial', manifestPath: '/__manifest' },
  })
}

function Page(): null {
  return null
}
