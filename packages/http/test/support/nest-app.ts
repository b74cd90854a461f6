import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  Controller,
  type INestApplication,
  Module,
  type ModuleMetadata,
  type NestApplicationOptions,
  type Type,
} from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { ExpressAdapter, type NestExpressApplication } from '@nestjs/platform-express'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import type { FastifyInstance } from 'fastify'
import { startServer, type TestServer } from './node-server.js'

export type Platform = 'express' | 'fastify'
export const PLATFORMS: readonly Platform[] = ['express', 'fastify']

/** Decorates a method, or parameters of it, as the syntax would: the tests run as they are written. */
function decorate(
  target: Type,
  method: string,
  decorators: readonly MethodDecorator[],
  parameters: readonly ParameterDecorator[] = [],
): void {
  const descriptor = Object.getOwnPropertyDescriptor(target.prototype, method)
  if (descriptor === undefined) throw new Error(`${target.name} has no method ${method}`)
  for (const decorator of decorators) decorator(target.prototype, method, descriptor)
  for (const [at, decorator] of parameters.entries()) decorator(target.prototype, method, at)
}

export interface Handler {
  readonly on: readonly MethodDecorator[]
  readonly run: (...args: never[]) => unknown
  readonly with?: readonly ParameterDecorator[]
}

type Path = string | string[] | { readonly path: string; readonly host: string }

/** A controller of such handlers, at a path. */
export function controllerOf(
  path: Path,
  handlers: Readonly<Record<string, Handler>>,
  decorators: readonly ClassDecorator[] = [],
): Type {
  class TestController {
    readonly path = path
  }
  for (const [name, { run }] of Object.entries(handlers)) {
    // Decorators leave their marks on the function itself.
    const value = (...args: never[]): unknown => run(...args)
    Object.defineProperty(TestController.prototype, name, { value })
  }
  return decorateController(TestController, path, handlers, decorators)
}

/** Makes a class with these methods a controller. */
export function decorateController(
  target: Type,
  path: Path,
  methods: Readonly<Record<string, Omit<Handler, 'run'>>>,
  decorators: readonly ClassDecorator[] = [],
): Type {
  for (const [name, { on, with: parameters }] of Object.entries(methods)) {
    decorate(target, name, on, parameters)
  }
  for (const decorator of [controllerAt(path), ...decorators]) decorator(target)
  return target
}

/** Picks the signature of `Controller()`. */
function controllerAt(path: Path): ClassDecorator {
  return typeof path === 'string' || Array.isArray(path) ? Controller(path) : Controller(path)
}

/** A root module. */
export function moduleOf(metadata: ModuleMetadata): Type {
  class AppModule {
    readonly metadata = metadata
  }
  Module(metadata)(AppModule)
  return AppModule
}

/** Creates an application as a `main.ts` does. */
export function createNest(
  platform: Platform,
  root: Type,
  options: NestApplicationOptions = {},
): Promise<INestApplication> {
  const settings = { logger: false, abortOnError: false, ...options } as const
  return platform === 'express'
    ? NestFactory.create<NestExpressApplication>(root, new ExpressAdapter(), settings)
    : NestFactory.create<NestFastifyApplication>(root, new FastifyAdapter(), settings)
}

/** Initializes an application, and listens. */
export async function serveNest(app: INestApplication): Promise<TestServer> {
  await app.init()
  const instance: unknown = app.getHttpAdapter().getInstance()
  const server = await startServer(await listenerOf(instance))
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await app.close()
    },
  }
}

type Listener = (req: IncomingMessage, res: ServerResponse) => void

async function listenerOf(instance: unknown): Promise<Listener> {
  // Express' application is a listener; Fastify's has one, once it is ready.
  if (typeof instance === 'function') return instance as Listener
  const fastify = instance as FastifyInstance
  await fastify.ready()
  return (req, res) => fastify.routing(req, res)
}
