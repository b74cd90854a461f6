import { ConfigurationError, findReplayRequired } from '@flyback/core'
import { Body, type INestApplication, type MiddlewareConsumer, Module, Post } from '@nestjs/common'
import {
  ExternalContextCreator,
  HttpAdapterHost,
  ModulesContainer,
  NestFactory,
} from '@nestjs/core'
import { describe, expect, test, vi } from 'vitest'
import { serveRequests } from '../src/nest/served-requests.js'
import { FlybackModule, FlybackPolicy } from '../src/nest.js'
import { REPLAY } from './support/contract.js'
import { REPLICA } from './support/environments.js'
import { controllerOf, createNest, moduleOf, PLATFORMS, serveNest } from './support/nest-app.js'
import { get, JSON_TYPE, post, refused, serve, state } from './support/nest-replica.js'

describe.each(PLATFORMS)('nest on %s', (platform) => {
  describe('is in front of', () => {
    test('body parsers, with a global prefix', async () => {
      const sent = { method: 'POST', headers: JSON_TYPE, body: '{"no json' }
      const controllers = [controllerOf('things', { write: post('', state) })]
      await using server = await serve(platform, {
        controllers,
        main: (app) => app.setGlobalPrefix('api'),
      })
      expect(await server.send('/api/things', sent)).toMatchObject({ status: 409, body: '' })
    })

    test('middleware of main.ts and of modules, which run in the scope', async () => {
      const seen: string[] = []
      const middleware =
        (name: string) =>
        (_req: unknown, _res: unknown, next: () => void): void => {
          seen.push(`${name} ${state()}`)
          next()
        }
      class Feature {
        configure(consumer: MiddlewareConsumer): void {
          consumer.apply(middleware('module')).forRoutes('*path')
        }
      }
      Module({})(Feature)
      const controllers = [controllerOf('things', { read: get('', state), write: post('', state) })]
      await using server = await serve(platform, {
        controllers,
        imports: [Feature],
        main: (app) => app.use(middleware('main')),
      })
      expect((await server.send('/things', { method: 'POST' })).status).toBe(409)
      expect(seen).toEqual([])
      expect((await server.send('/things')).body).toBe('open')
      expect(seen).toEqual(['main open', 'module open'])
    })

    test('what answers 404: an unsafe request to nowhere goes to the primary region', async () => {
      await using server = await serve(platform, {})
      expect((await server.send('/nowhere', { method: 'POST' })).status).toBe(409)
      const reply = await server.send('/nowhere')
      expect([reply.status, JSON.parse(reply.body)]).toMatchObject([
        404,
        { message: 'Cannot GET /nowhere' },
      ])
    })

    test('the parsers of an application without its own', async () => {
      const controllers = [
        controllerOf('things', {
          write: { on: [Post(), FlybackPolicy('attempt')], run: (body) => body, with: [Body()] },
        }),
      ]
      await using server = await serve(platform, { controllers })
      const sent = { method: 'POST', headers: JSON_TYPE, body: ['{"in":', '"chunks"}'] }
      expect((await server.send('/things', sent)).body).toBe('{"in":"chunks"}')
    })
  })

  describe('the module', () => {
    test('takes options from other providers', async () => {
      class Settings {
        readonly env = REPLICA
      }
      const SettingsModule = moduleOf({ providers: [Settings], exports: [Settings] })
      const flyback = FlybackModule.forRootAsync({
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async ({ env }: Settings) => ({ env }),
      })
      const root = moduleOf({
        imports: [flyback],
        controllers: [controllerOf('', { x: get('', state) })],
      })
      await using server = await serveNest(await createNest(platform, root))
      expect((await server.send('/')).body).toBe('open')
    })

    test('needs no options', async () => {
      vi.stubEnv('FLY_REGION', '')
      const root = moduleOf({
        imports: [FlybackModule],
        controllers: [controllerOf('', { x: get('', state) })],
      })
      await using server = await serveNest(await createNest(platform, root))
      expect((await server.send('/')).body).toBe('undefined')
    })

    test('names an option that cannot be used, at start', async () => {
      const root = moduleOf({
        imports: [FlybackModule.forRoot({ env: REPLICA, policy: 'no' as 'replay' })],
      })
      await expect(createNest(platform, root)).rejects.toThrow(ConfigurationError)
    })

    test('imported by several modules is one; configured twice is an error', async () => {
      const flyback = FlybackModule.forRoot({ env: REPLICA })
      const Feature = moduleOf({ imports: [flyback] })
      const controllers = [controllerOf('', { x: get('', refused) })]
      await using server = await serveNest(
        await createNest(platform, moduleOf({ imports: [flyback, Feature], controllers })),
      )
      expect((await server.send('/')).status).toBe(409)
      const twice = moduleOf({
        imports: [flyback, moduleOf({ imports: [FlybackModule.forRoot()] })],
      })
      await expect(createNest(platform, twice)).rejects.toThrow('FlybackModule is configured twice')
    })

    test('leaves other contexts than HTTP alone', async () => {
      const logged: string[] = []
      const thrown: unknown[] = []
      let app: INestApplication | undefined
      class Resolver {
        write(): void {
          refused()
        }
      }
      // As GraphQL runs its resolvers, below a route of HTTP.
      async function query(): Promise<string> {
        const instance = new Resolver()
        const creator = app?.get(ExternalContextCreator)
        const run = creator?.create(
          instance,
          instance.write,
          'write',
          undefined,
          undefined,
          undefined,
          undefined,
          undefined,
          'graphql',
        )
        await run?.().catch((error: unknown) => thrown.push(error))
        return 'errors'
      }
      await using server = await serve(platform, {
        controllers: [controllerOf('graphql', { query: get('', query) })],
        logged,
        main: (created) => {
          app = created
        },
      })
      expect((await server.send('/graphql')).headers['fly-replay']).toBe(REPLAY)
      expect(findReplayRequired(thrown[0])).toBeDefined()
      expect(logged).toEqual([])
    })
  })
})

test('an application without HTTP starts', async () => {
  const root = moduleOf({ imports: [FlybackModule.forRoot({ env: REPLICA })] })
  const app = await NestFactory.createApplicationContext(root, {
    logger: false,
    abortOnError: false,
  })
  await app.close()
})

test('an application of a test, which gets its adapter after its modules, is served', () => {
  const host = new HttpAdapterHost()
  serveRequests({ env: REPLICA }, host, new ModulesContainer())
  const use = vi.fn()
  host.httpAdapter = { use } as unknown as typeof host.httpAdapter
  expect(use).toHaveBeenCalledOnce()
})
