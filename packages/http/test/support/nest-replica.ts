import { currentScope } from '@flyback/core/scope'
import {
  Get,
  type INestApplication,
  type ModuleMetadata,
  Post,
  type Provider,
  type Type,
} from '@nestjs/common'
import { FlybackModule, type FlybackModuleOptions } from '../../src/nest.js'
import { REPLAY, refuse } from './contract.js'
import { REPLICA } from './environments.js'
import { createNest, type Handler, moduleOf, type Platform, serveNest } from './nest-app.js'
import type { TestServer } from './node-server.js'

export interface App {
  readonly controllers?: Type[]
  readonly providers?: Provider[]
  readonly imports?: NonNullable<ModuleMetadata['imports']>
  readonly options?: FlybackModuleOptions
  /** What `main.ts` does with the application. */
  readonly main?: (app: INestApplication) => unknown
  readonly logged?: string[]
}

/** Serves an application in a replica region, unless its options say otherwise. */
export async function serve(platform: Platform, app: App): Promise<TestServer> {
  const { controllers = [], providers = [], imports = [], options, main, logged = [] } = app
  const flyback = FlybackModule.forRoot({ env: REPLICA, ...options })
  const root = moduleOf({ imports: [flyback, ...imports], controllers, providers })
  const note = (line: unknown): void => void logged.push(String(line))
  const logger = { log() {}, warn: note, error: note }
  const created = await createNest(platform, root, { logger })
  await main?.(created)
  return serveNest(created)
}

export const state = (): string => `${currentScope()?.state}`
export const refused = (): never => {
  throw new Error('of an ORM', { cause: refuse() })
}
export const get = (path: string, run: Handler['run'], ...on: MethodDecorator[]): Handler => ({
  on: [Get(path), ...on],
  run,
})
export const post = (path: string, run: Handler['run'], ...on: MethodDecorator[]): Handler => ({
  on: [Post(path), ...on],
  run,
})
export const replayFor = (reason: string): string => REPLAY.replace('write', reason)
export const JSON_TYPE = { 'content-type': 'application/json' }
