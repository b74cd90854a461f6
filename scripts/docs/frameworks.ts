/** One page of docs/ that is about a framework. */
export interface FrameworkPage {
  readonly page: string
  /** Subpaths of @flyback/http. */
  readonly entries: readonly string[]
  /** What of `peerDependencies` it is for; nothing for what a runtime has by itself. */
  readonly peers: readonly string[]
  /** Names of the contract's results. */
  readonly hosts: readonly string[]
  /** The folder in examples/, and the files of it that the page shows. */
  readonly example: string
  readonly shows: readonly string[]
}

export const FRAMEWORK_PAGES: readonly FrameworkPage[] = [
  {
    page: 'express.md',
    entries: ['express'],
    peers: ['express'],
    hosts: ['Express 5', 'Express 4', 'Express 5 on Bun', 'Express 5 on Deno'],
    example: 'express-pg',
    shows: ['src/server.ts'],
  },
  {
    page: 'fastify.md',
    entries: ['fastify'],
    peers: ['fastify'],
    hosts: ['Fastify', 'Fastify on Bun', 'Fastify on Deno'],
    example: 'fastify-pg',
    shows: ['src/server.ts'],
  },
  {
    page: 'koa.md',
    entries: ['koa'],
    peers: ['koa'],
    hosts: ['Koa', 'Koa on Bun', 'Koa on Deno'],
    example: 'koa-kysely',
    shows: ['src/server.ts'],
  },
  {
    page: 'hono.md',
    entries: ['hono'],
    peers: ['hono'],
    hosts: ['Hono', 'Hono on Bun', 'Hono on Deno'],
    example: 'hono-postgres',
    shows: ['src/server.ts'],
  },
  {
    page: 'nest.md',
    entries: ['nest'],
    peers: ['@nestjs/core'],
    hosts: [
      'NestJS on Express',
      'NestJS on Fastify',
      'NestJS on Express on Bun',
      'NestJS on Express on Deno',
    ],
    example: 'nest-drizzle',
    shows: ['src/app.module.ts', 'src/guestbook.controller.ts'],
  },
  {
    page: 'next.md',
    entries: ['next'],
    peers: ['next'],
    hosts: ['Next'],
    example: 'next-pg',
    shows: ['instrumentation.ts', 'app/page.tsx'],
  },
  {
    page: 'react-router.md',
    entries: ['react-router'],
    peers: ['react-router'],
    hosts: ['React Router', 'React Router on Bun', 'React Router on Deno'],
    example: 'react-router-drizzle',
    shows: ['app/root.tsx', 'app/routes/home.tsx'],
  },
  {
    page: 'sveltekit.md',
    entries: ['sveltekit'],
    peers: ['@sveltejs/kit'],
    hosts: ['SvelteKit', 'SvelteKit on Bun', 'SvelteKit on Deno'],
    example: 'sveltekit-postgres',
    shows: ['src/hooks.server.ts', 'src/routes/+page.server.ts'],
  },
  {
    page: 'h3.md',
    entries: ['h3'],
    peers: ['h3'],
    hosts: ['h3 2', 'h3 2 on Bun', 'h3 2 on Deno'],
    example: 'h3-pg',
    shows: ['src/server.ts'],
  },
  {
    page: 'nitro.md',
    entries: ['nitro'],
    peers: ['nitro'],
    hosts: ['Nitro 3', 'Nuxt'],
    example: 'nitro-pg',
    shows: ['plugins/flyback.ts', 'lib/pool.ts', 'routes/visit.get.ts'],
  },
  {
    page: 'fetch.md',
    entries: ['fetch'],
    peers: [],
    hosts: [
      'Request to Response on Node',
      'Request to Response on Bun',
      'Request to Response on Deno',
    ],
    example: 'bun-pg',
    shows: ['src/server.ts'],
  },
  {
    page: 'node.md',
    entries: ['node'],
    peers: [],
    hosts: [
      'node:http, withFlyback',
      'node:http, as a middleware',
      'node:http, withFlyback on Bun',
      'node:http, withFlyback on Deno',
    ],
    example: 'graphql-pg',
    shows: ['src/server.ts'],
  },
]
