import Fastify, { type FastifyPluginAsync, type FastifyRequest } from 'fastify'
import { expectTypeOf, test } from 'vitest'
import { type FlybackOptions, flyback } from '../src/fastify.js'

test('flyback is a plugin of every kind of app, with and without options', () => {
  expectTypeOf(flyback).toExtend<FastifyPluginAsync<FlybackOptions<FastifyRequest>>>()
  Fastify().register(flyback)
  Fastify().register(flyback, {
    policy: 'forward',
    routes: [{ match: ({ query }) => query !== null, policy: 'replay' }],
  })
  Fastify({ http2: true }).register(flyback)
  Fastify({ https: {} }).register(flyback, { policy: 'forward' })
  // @ts-expect-error there is no such policy
  Fastify().register(flyback, { policy: 'never' })
})

test('a route takes its policy in its config', () => {
  Fastify().get('/', { config: { flyback: { policy: 'attempt' } } }, async () => 'ran')
  // @ts-expect-error there is no such policy
  Fastify().get('/', { config: { flyback: { policy: 'never' } } }, async () => 'ran')
})
