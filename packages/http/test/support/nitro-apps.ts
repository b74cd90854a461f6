import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { H3 } from 'h3'
import { createApp, toNodeListener } from 'h3-v1'

type Hook = () => void

/** Nitro 2's app as its Node presets make it, with what it has told its error hook. */
export interface Nitro2 {
  readonly h3App: ReturnType<typeof createApp>
  readonly hooks: { hook(name: 'render:response', listener: Hook): void }
  readonly errors: unknown[]
  readonly listener: ReturnType<typeof toNodeListener>
  /** A page of Nuxt: hooks run before its response is sent. */
  render(): void
  /** A request of the app to itself, as `$fetch('/path')` makes it. */
  fetch(path: string): Promise<number>
}

/** @see https://github.com/nitrojs/nitro/blob/v2.13.6/src/runtime/internal/app.ts (read 2026-11-25) */
export function createNitro2(): Nitro2 {
  const errors: unknown[] = []
  const hooks: Hook[] = []
  const h3App = createApp({
    onError(error, event) {
      errors.push(error)
      event.node.res.statusCode = error.statusCode
      event.node.res.end('failed')
    },
  })
  const listener = toNodeListener(h3App)
  return {
    h3App,
    hooks: { hook: (_name, hook) => void hooks.push(hook) },
    errors,
    listener,
    render() {
      for (const hook of hooks) hook()
    },
    async fetch(path) {
      const req = Object.assign(new IncomingMessage(new Socket()), { url: path, method: 'GET' })
      const res = new ServerResponse(req)
      // A promise, which its type does not say.
      const answered: unknown = listener(Object.assign(req, { __unenv__: undefined }), res)
      await answered
      return res.statusCode
    },
  }
}

/** Nitro 3's app, by the names of a version, with what it has told its error hook. */
export interface Nitro3 {
  fetch(input: string | URL | Request, init?: RequestInit): Promise<Response>
  readonly router: H3
  readonly errors: unknown[]
}

/** @see https://github.com/nitrojs/nitro/blob/v3.0.0/src/runtime/internal/app.ts (read 2026-11-25) */
export function createNitro3(name: 'h3' | '_h3' | 'none' = '_h3'): Nitro3 {
  const errors: unknown[] = []
  const router = new H3({
    silent: true,
    onError(error) {
      errors.push(error)
      return new Response('failed', { status: error.status })
    },
  })
  return {
    fetch: async (input, init) => router.request(input, init),
    ...(name !== 'none' && { [name]: router }),
    router,
    errors,
  }
}
