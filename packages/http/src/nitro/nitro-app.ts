import type { IncomingMessage, ServerResponse } from 'node:http'

// What Flyback uses of Nitro, rather than its types: those of the two versions come from two packages, and an app has one.

/** The app of Nitro 2. @see https://github.com/nitrojs/nitro/blob/v2.13.6/src/types/runtime/nitro.ts (read 2026-11-25) */
export interface Nitro2App {
  readonly h3App: { handler(event: Nitro2Event): unknown }
  readonly hooks: { hook(name: 'render:response', listener: () => void): unknown }
}

export interface Nitro2Event {
  readonly node: { readonly req: IncomingMessage; readonly res: ServerResponse }
  readonly context: { readonly matchedRoute?: { readonly path: string } }
}

/** The app of Nitro 3. @see https://github.com/nitrojs/nitro/blob/v3.0.0/src/types/runtime/nitro.ts (read 2026-11-25) */
export interface Nitro3App {
  fetch(input: string | URL | Request, ...rest: unknown[]): Response | Promise<Response>
  readonly h3?: Nitro3Router | undefined
  /** Its name in 3.0.0. */
  readonly _h3?: Nitro3Router | undefined
}

export interface Nitro3Router {
  handler(event: Nitro3Event): unknown
}

export interface Nitro3Event {
  readonly req: Request
  readonly context: { readonly matchedRoute?: { readonly route?: string | undefined } }
}

export function isNitro2App(app: Nitro2App | Nitro3App): app is Nitro2App {
  return 'h3App' in app && typeof app.h3App?.handler === 'function'
}

export function isNitro3App(app: Nitro2App | Nitro3App): app is Nitro3App {
  return 'fetch' in app && typeof app.fetch === 'function'
}
