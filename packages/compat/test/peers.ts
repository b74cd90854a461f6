/** A copy of a peer, under the name it has in this package's node_modules. */
interface PeerVersions {
  readonly oldest: string
  readonly newest: string
}

/**
 * The oldest and the newest supported version of every peer that smoke programs import. `copied` ones look for their own
 * peers beside themselves, so they must lie in the consumer's node_modules, not in the store.
 */
export const PEERS: Readonly<Record<string, PeerVersions & { readonly copied?: true }>> = {
  '@hono/node-server': { oldest: '@hono/node-server', newest: '@hono/node-server' },
  '@nestjs/common': { oldest: '@nestjs/common', newest: '@nestjs/common' },
  '@nestjs/core': { oldest: '@nestjs/core', newest: '@nestjs/core' },
  '@nestjs/platform-express': {
    oldest: '@nestjs/platform-express',
    newest: '@nestjs/platform-express',
  },
  '@opentelemetry/api': { oldest: 'opentelemetry-api-oldest', newest: '@opentelemetry/api' },
  '@prisma/adapter-pg': { oldest: 'prisma-adapter-pg-oldest', newest: '@prisma/adapter-pg' },
  '@prisma/client': { oldest: 'prisma-client-oldest', newest: '@prisma/client' },
  'drizzle-orm': { oldest: 'drizzle-orm-oldest', newest: 'drizzle-orm', copied: true },
  express: { oldest: 'express-oldest', newest: 'express' },
  fastify: { oldest: 'fastify-oldest', newest: 'fastify' },
  h3: { oldest: 'h3-oldest', newest: 'h3' },
  hono: { oldest: 'hono-oldest', newest: 'hono' },
  koa: { oldest: 'koa-oldest', newest: 'koa' },
  kysely: { oldest: 'kysely-oldest', newest: 'kysely' },
  'kysely-postgres-js': {
    oldest: 'kysely-postgres-js-oldest',
    newest: 'kysely-postgres-js',
    copied: true,
  },
  pg: { oldest: 'pg-oldest', newest: 'pg' },
  postgres: { oldest: 'postgres-oldest', newest: 'postgres' },
}

/** Peers of which only types are used, by apps that have to be built: packages/frameworks builds and runs them. */
export const BUILT_WITH: readonly string[] = ['@sveltejs/kit', 'next', 'nitro', 'react-router']

export type Age = keyof PeerVersions
