import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type ArgumentsHost,
  type CanActivate,
  Catch,
  Get,
  HttpException,
  type INestApplication,
  type NestInterceptor,
  Param,
  Post,
  UseGuards,
  Version,
  VersioningType,
} from '@nestjs/common'
import { APP_GUARD, APP_INTERCEPTOR, BaseExceptionFilter, RouterModule } from '@nestjs/core'
import { describe, expect, test } from 'vitest'
import { FlybackPolicy, fly } from '../src/nest.js'
import { PRIMARY, SINGLE } from './support/environments.js'
import { controllerOf, type Handler, moduleOf, PLATFORMS } from './support/nest-app.js'
import { get, JSON_TYPE, post, replayFor, serve, state } from './support/nest-replica.js'

describe.each(PLATFORMS)('nest on %s', (platform) => {
  describe('the policy of a route', () => {
    const policies = controllerOf(
      'policies',
      {
        own: post('own', state, FlybackPolicy('attempt')),
        inherited: post('inherited', state),
        forwarded: get('forwarded/:id', state, FlybackPolicy('forward')),
        replayed: get('callback', state, FlybackPolicy('replay')),
      },
      [FlybackPolicy('forward')],
    )

    test.each([
      ['POST', '/policies/own', 'open'],
      ['POST', '/POLICIES/own/', 'open'],
      ['POST', '/policies/inherited?x=1', 'forwarding'],
      ['GET', '/policies/forwarded/7', 'forwarding'],
      ['GET', '/policies/callback', 'route'],
    ])(
      'of a handler wins over its controller, and both over rules: %s %s',
      async (method, path, gives) => {
        await using server = await serve(platform, {
          controllers: [policies],
          options: { routes: [{ policy: 'replay' }] },
          main(app) {
            if (platform === 'express') return
            Object.assign(app.getHttpAdapter().getInstance(), {})
          },
        })
        // Fastify takes paths as they are written.
        const sent = platform === 'fastify' ? path.replace('POLICIES/own/', 'policies/own') : path
        const reply = await server.send(sent, { method })
        if (gives === 'route') expect(reply.headers['fly-replay']).toBe(replayFor('route'))
        else expect(reply.body).toBe(gives)
      },
    )

    test.each<[string, string, Record<string, string>, (app: INestApplication) => unknown]>([
      ['a global prefix', '/api/v/x', {}, (app) => app.setGlobalPrefix('api')],
      [
        'a version in the path',
        '/v2/v/x',
        {},
        (app) => app.enableVersioning({ type: VersioningType.URI }),
      ],
      [
        'a version in a header',
        '/v/x',
        { 'x-version': '2' },
        (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' }),
      ],
      [
        'a version in the media type',
        '/v/x',
        { accept: 'application/json;v=2' },
        (app) => app.enableVersioning({ type: VersioningType.MEDIA_TYPE, key: 'v=' }),
      ],
    ])('holds behind %s, for that route alone', async (_name, path, headers, main) => {
      const controllers = [
        controllerOf('v', {
          one: post('x', () => 'one', Version('1')),
          two: post('x', () => `two ${state()}`, Version('2'), FlybackPolicy('attempt')),
        }),
      ]
      await using server = await serve(platform, {
        controllers,
        main: (app) => {
          if (!path.startsWith('/api')) return main(app)
          app.enableVersioning({ type: VersioningType.HEADER, header: 'x-version' })
          return main(app)
        },
      })
      const sent = path.startsWith('/api') ? { 'x-version': '2' } : headers
      expect((await server.send(path, { method: 'POST', headers: sent })).body).toBe('two open')
      const other = Object.fromEntries(
        Object.entries(sent).map(([name, value]) => [name, value.replace('2', '1')]),
      )
      const first = await server.send(path.replace('2', '1'), { method: 'POST', headers: other })
      expect(first.headers['fly-replay']).toBe(replayFor('method'))
    })

    test('holds below RouterModule, with parameters, wildcards and several paths', async () => {
      const nested = controllerOf(['a', 'b/:id'], {
        wild: post(
          platform === 'express' ? 'files/*path' : 'files/*',
          state,
          FlybackPolicy('attempt'),
        ),
        many: { on: [Post(['one', 'two/:x']), FlybackPolicy('forward')], run: state },
      })
      const Nested = moduleOf({ controllers: [nested] })
      const routes = RouterModule.register([{ path: 'admin/:tenant', module: Nested }])
      await using server = await serve(platform, { imports: [Nested, routes] })
      const bodies = [
        '/admin/t/a/files/x/y.txt',
        '/admin/t/b/9/files/x',
        '/admin/t/a/one',
        '/admin/%C3%A4/b/9/two/3',
      ].map(async (path) => (await server.send(path, { method: 'POST' })).body)
      expect(await Promise.all(bodies)).toEqual(['open', 'open', 'forwarding', 'forwarding'])
      expect((await server.send('/admin/t/a/other', { method: 'POST' })).status).toBe(409)
    })

    test('is found for a host', async () => {
      const controllers = [
        controllerOf(
          { path: 'h', host: 'one.example' },
          { x: post('x', state, FlybackPolicy('attempt')) },
        ),
      ]
      await using server = await serve(platform, { controllers })
      const at = (host: string) => server.send('/h/x', { method: 'POST', headers: { host } })
      expect((await at('one.example')).body).toBe('open')
      expect((await at('two.example')).status).toBe(404)
    })

    test('is decided in front of all guards, pipes and interceptors, and middleware has run', async () => {
      const ran: string[] = []
      const guard = (name: string): CanActivate => ({
        canActivate: () => ran.push(name) > 0,
      })
      const interceptor: NestInterceptor = {
        intercept: (_context, next) => {
          ran.push('interceptor')
          return next.handle()
        },
      }
      const pipe = { transform: (value: unknown) => ran.push('pipe') && value }
      const handler: Handler = {
        on: [Get(':id'), FlybackPolicy('replay'), UseGuards(guard('own guard'))],
        run: () => ran.push('handler'),
        with: [Param('id', pipe)],
      }
      await using server = await serve(platform, {
        controllers: [controllerOf('order', { handler })],
        providers: [
          { provide: APP_GUARD, useValue: guard('app guard') },
          { provide: APP_INTERCEPTOR, useValue: interceptor },
        ],
        main: (app) => {
          app.useGlobalGuards(guard('global guard'))
          app.use((_req: unknown, _res: unknown, next: () => void) => {
            ran.push('middleware')
            next()
          })
        },
      })
      const reply = await server.send('/order/1')
      expect([reply.status, reply.body]).toEqual([409, ''])
      expect(ran).toEqual(['middleware'])
    })

    test('leaves other routes decided in front of everything', async () => {
      const ran: string[] = []
      await using server = await serve(platform, {
        controllers: [
          controllerOf('x', { decorated: post('decorated', state, FlybackPolicy('attempt')) }),
        ],
        // As an authentication library that is a middleware.
        main: (app) =>
          app.use('/auth', (_req: IncomingMessage, res: ServerResponse) => {
            ran.push('auth')
            res.end('signed up')
          }),
      })
      expect((await server.send('/auth/sign-up', { method: 'POST' })).status).toBe(409)
      expect(ran).toEqual([])
      expect((await server.send('/x/decorated', { method: 'POST' })).body).toBe('open')
    })

    test('is refused by option with an exception, in the form of the application', async () => {
      const seen: number[] = []
      class OwnForm extends BaseExceptionFilter {
        override catch(exception: HttpException, host: ArgumentsHost): void {
          seen.push(exception.getStatus())
          super.catch(exception, host)
        }
      }
      Catch(HttpException)(OwnForm)
      const controllers = [
        controllerOf('x', {
          attempted: post('a', state, FlybackPolicy('attempt')),
          forwarded: post('f', state, FlybackPolicy('forward')),
        }),
      ]
      await using server = await serve(platform, {
        controllers,
        options: { whenNotReplayable: 'fail', platform: fly({ maxBodyBytes: 10 }) },
        main: (app) => app.useGlobalFilters(new OwnForm(app.getHttpAdapter())),
      })
      const back = { 'fly-replay-src': 'state=flyback.1.write' }
      const large = { method: 'POST', headers: JSON_TYPE, body: '{"text":"of no use"}' }
      const returned = await server.send('/x/a', { method: 'POST', headers: back })
      expect(JSON.parse(returned.body)).toEqual({
        statusCode: 503,
        message: 'This region cannot serve the request now.',
      })
      expect(returned.headers).toMatchObject({ 'retry-after': '1', 'cache-control': 'no-store' })
      expect((await server.send('/x/a', large)).status).toBe(413)
      expect(seen).toEqual([503, 413])
      expect((await server.send('/x/f', { method: 'POST', headers: back })).body).toBe('forwarding')
      expect((await server.send('/x/f', large)).body).toBe('forwarding')
    })

    test('is told, with its pattern', async () => {
      const told: unknown[] = []
      const listen = (event: unknown): void => void told.push(event)
      subscribe('flyback:request:end', listen)
      await using server = await serve(platform, {
        controllers: [controllerOf('x', { one: post(':id', state, FlybackPolicy('forward')) })],
      })
      await server.send('/x/7', { method: 'POST' })
      await expect.poll(() => told).toHaveLength(1)
      unsubscribe('flyback:request:end', listen)
      expect(told).toMatchObject([{ route: '/x/:id', policy: 'forward', policyBy: 'route' }])
    })

    test('rule 3: changes nothing in the primary region, or with no regions', async () => {
      const controllers = [controllerOf('x', { x: get('', state, FlybackPolicy('replay')) })]
      await using primary = await serve(platform, { controllers, options: { env: PRIMARY } })
      expect((await primary.send('/x')).body).toBe('open')
      await using single = await serve(platform, { controllers, options: { env: SINGLE } })
      expect((await single.send('/x')).body).toBe('undefined')
    })
  })
})

test('a word that is no policy throws where it is written', () => {
  const decorator = (): unknown => FlybackPolicy('primary' as 'replay')(controllerOf('', {}))
  expect(decorator).toThrow('@FlybackPolicy()')
})
