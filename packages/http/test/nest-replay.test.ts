import type { ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReplayRequired } from '@flyback/core'
import { currentScope } from '@flyback/core/scope'
import {
  type ArgumentsHost,
  Body,
  type CallHandler,
  Catch,
  type ExceptionFilter,
  type ExecutionContext,
  Get,
  Header,
  Inject,
  Injectable,
  type NestInterceptor,
  Param,
  Post,
  Scope as ProviderScope,
  Res,
  Sse,
  type Type,
  UploadedFile,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common'
import { APP_FILTER, BaseExceptionFilter } from '@nestjs/core'
import { FileInterceptor } from '@nestjs/platform-express'
import { concatMap, delay, from, map, type Observable, of } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { FlybackPolicy, httpProxy, type Policy } from '../src/nest.js'
import { REPLAY, scope } from './support/contract.js'
import { PRIMARY } from './support/environments.js'
import { controllerOf, decorateController, type Handler, PLATFORMS } from './support/nest-app.js'
import { type App, get, JSON_TYPE, refused, serve, state } from './support/nest-replica.js'

describe.each(PLATFORMS)('nest on %s', (platform) => {
  describe('a replay', () => {
    const controllers = [
      controllerOf('x', {
        refused: get('refused', refused),
        other: get('other', () => {
          throw new Error('mine')
        }),
        lost: get('lost', () => {
          throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
        }),
      }),
    ]

    test('leaves nothing in the log, and any other error does', async () => {
      const logged: string[] = []
      await using server = await serve(platform, { controllers, logged })
      expect((await server.send('/x/refused')).headers['fly-replay']).toBe(REPLAY)
      expect((await server.send('/x/lost')).headers['fly-replay']).toBe(REPLAY)
      expect(logged).toEqual([])
      expect((await server.send('/x/other')).status).toBe(500)
      expect(logged).toEqual([expect.stringContaining('mine')])
    })

    test.each<[string, (filter: ExceptionFilter) => App]>([
      ['of main.ts', (filter) => ({ main: (app) => app.useGlobalFilters(filter) })],
      ['of a module', (useValue) => ({ providers: [{ provide: APP_FILTER, useValue }] })],
    ])('goes past catch-all filters %s, which see all else', async (_name, app) => {
      const seen: string[] = []
      const filter = catchAll((exception) => seen.push(String(exception)))
      await using server = await serve(platform, { controllers, ...app(filter) })
      expect((await server.send('/x/refused')).headers['fly-replay']).toBe(REPLAY)
      expect(seen).toEqual([])
      const reply = await server.send('/x/other')
      expect([reply.status, JSON.parse(reply.body)]).toEqual([418, { caught: true }])
      expect(seen).toEqual(['Error: mine'])
    })

    test.each([
      ['that answers itself', catchAll(() => {})],
      ['that hands on to the base filter', baseFilter()],
    ])("takes the place of what a controller's own filter %s sends", async (_name, filter) => {
      const own = [controllerOf('own', { refused: get('', refused) }, [UseFilters(filter)])]
      await using server = await serve(platform, { controllers: own })
      expect(await server.send('/own')).toMatchObject({ status: 409, body: '' })
    })

    test.each<[string, Handler]>([
      ['a guard', get('', state, UseGuards({ canActivate: refused }))],
      ['a pipe', { on: [Get()], run: state, with: [Param('x', { transform: refused })] }],
      ['an interceptor', get('', state, UseInterceptors({ intercept: refused }))],
      ['an observable', get('', () => of(1).pipe(delay(1), map(refused)))],
      ['a header', get('', state, Header('x-late', refused))],
    ])('comes of a refusal in %s', async (_name, handler) => {
      const logged: string[] = []
      await using server = await serve(platform, {
        controllers: [controllerOf('x', { handler })],
        logged,
      })
      expect((await server.send('/x')).headers['fly-replay']).toBe(REPLAY)
      expect(logged).toEqual([])
    })

    test('comes of a refusal in middleware', async () => {
      await using server = await serve(platform, { controllers, main: (app) => app.use(refused) })
      expect((await server.send('/x/refused')).headers['fly-replay']).toBe(REPLAY)
    })

    test('is carried to the primary region by httpProxy, with the body that was parsed', async () => {
      const run = (body: unknown): unknown => {
        if (currentScope()?.role === 'replica') refused()
        return { in: currentScope()?.role, body }
      }
      const carried = (policy: Policy): Handler => ({
        on: [Post(policy), FlybackPolicy(policy)],
        run,
        with: [Body()],
      })
      const things = [
        controllerOf('x', { attempted: carried('attempt'), replayed: carried('replay') }),
      ]
      await using primary = await serve(platform, {
        controllers: things,
        options: { env: PRIMARY },
      })
      const proxy = httpProxy({ url: `http://127.0.0.1:${primary.port}` })
      await using server = await serve(platform, {
        controllers: things,
        options: { platform: proxy },
      })
      for (const policy of ['attempt', 'replay']) {
        const sent = { method: 'POST', headers: JSON_TYPE, body: ['{"a":', '1}'] }
        const reply = await server.send(`/x/${policy}`, sent)
        expect([reply.status, reply.body]).toEqual([201, '{"in":"primary","body":{"a":1}}'])
      }
    })

    test('rule 5: that comes too late is an error like any other, and the response breaks off', async () => {
      const logged: string[] = []
      const late: Handler = {
        on: [Get()],
        async run(res: { raw?: ServerResponse } & ServerResponse) {
          ;(res.raw ?? res).write('begun')
          await sleep(5)
          refused()
        },
        with: [Res()],
      }
      await using server = await serve(platform, {
        controllers: [controllerOf('x', { late })],
        logged,
      })
      expect(await server.send('/x')).toMatchObject({ body: 'begun', aborted: true })
      expect(logged).toEqual([expect.stringContaining('of an ORM')])
    })
  })

  describe('the scope is seen', () => {
    test('through interceptors and observables, one request apart from the other', async () => {
      const interceptor: NestInterceptor = {
        intercept: (_context: ExecutionContext, next: CallHandler): Observable<unknown> => {
          const own = scope()
          return next.handle().pipe(
            delay(Math.random() * 10),
            concatMap(async (value) => {
              await sleep(1)
              return `${value} ${own === currentScope()}`
            }),
          )
        },
      }
      const run = (id: string): Observable<string> =>
        from(sleep(Math.random() * 10)).pipe(
          map(() => {
            if (id.endsWith('3')) refused()
            return `${id} ${state()}`
          }),
        )
      const handler: Handler = {
        on: [Get(':id'), UseInterceptors(interceptor)],
        run,
        with: [Param('id')],
      }
      await using server = await serve(platform, { controllers: [controllerOf('x', { handler })] })
      const ids = Array.from({ length: 40 }, (_, id) => String(id))
      const replies = await Promise.all(ids.map((id) => server.send(`/x/${id}`)))
      expect(replies.map(({ body }) => body)).toEqual(
        ids.map((id) => (id.endsWith('3') ? '' : `${id} open true`)),
      )
    })

    test('in request-scoped providers and their controllers', async () => {
      class Visit {
        readonly state = state()
        write(): void {
          refused()
        }
      }
      Injectable({ scope: ProviderScope.REQUEST })(Visit)
      class Visits {
        readonly visit: Visit
        constructor(visit: Visit) {
          this.visit = visit
        }
        read(): string {
          return this.visit.state
        }
        write(): void {
          this.visit.write()
        }
        post(): string {
          return `${this.visit.state} ${state()}`
        }
      }
      Inject(Visit)(Visits, undefined, 0)
      decorateController(Visits, 'visits', {
        read: { on: [Get('read')] },
        write: { on: [Get('write')] },
        post: { on: [Post('post'), FlybackPolicy('forward')] },
      })
      await using server = await serve(platform, { controllers: [Visits], providers: [Visit] })
      expect((await server.send('/visits/read')).body).toBe('open')
      expect((await server.send('/visits/write')).headers['fly-replay']).toBe(REPLAY)
      expect((await server.send('/visits/post', { method: 'POST' })).body).toBe('open forwarding')
    })

    test('by server-sent events: Nest begins them a turn after the handler has returned, and then a refusal breaks them off', async () => {
      const early = async (): Promise<Observable<string>> => {
        await sleep(2)
        return refused()
      }
      const late = (): Observable<string> =>
        of('one', 'two').pipe(
          concatMap((word, index) =>
            of(word).pipe(
              delay(10),
              map(() => (index > 0 ? refused() : `${word} ${state()}`)),
            ),
          ),
        )
      const controllers = [
        controllerOf('x', {
          early: { on: [Sse('early')], run: early },
          late: { on: [Sse('late')], run: late },
        }),
      ]
      await using server = await serve(platform, { controllers })
      expect((await server.send('/x/early')).headers['fly-replay']).toBe(REPLAY)
      const reply = await server.send('/x/late')
      expect(reply).toMatchObject({ status: 200, aborted: true })
      expect(reply.body).toContain('data: one open')
    })
  })
})

test('multer: a file is read in the scope, and an attempted upload is replayed whole', async () => {
  const bytes: number[] = []
  const upload: Handler = {
    on: [Post(), FlybackPolicy('attempt'), UseInterceptors(FileInterceptor('file'))],
    run(file: { size: number }) {
      bytes.push(file.size)
      refused()
    },
    with: [UploadedFile()],
  }
  await using server = await serve('express', { controllers: [controllerOf('upload', { upload })] })
  const form = [
    '--cut',
    'content-disposition: form-data; name="file"; filename="a"',
    '',
    'x'.repeat(5000),
    '--cut--',
    '',
  ]
  const reply = await server.send('/upload', {
    method: 'POST',
    headers: { 'content-type': 'multipart/form-data; boundary=cut' },
    body: form.join('\r\n'),
  })
  expect([reply.headers['fly-replay'], bytes]).toEqual([REPLAY, [5000]])
})

/** A filter as applications have one: it notes the exception, and answers in its own form. */
function catchAll(note: (exception: unknown) => unknown): ExceptionFilter {
  class AllFilter implements ExceptionFilter {
    catch(exception: unknown, host: ArgumentsHost): void {
      note(exception)
      const res = host.switchToHttp().getResponse()
      res.status(418)
      res.send({ caught: true })
    }
  }
  Catch()(AllFilter)
  return new AllFilter()
}

function baseFilter(): Type<ExceptionFilter> {
  class HandsOn extends BaseExceptionFilter {}
  Catch()(HandsOn)
  return HandsOn
}
