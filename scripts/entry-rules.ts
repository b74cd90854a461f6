/** What the bundle of an entry may still import and mention. Every public entry has a row: a new one is a decision. */
export interface EntryRule {
  readonly imports: RegExp
  /** Names it may not mention anywhere (comments are gone by then). */
  readonly names?: RegExp
  /** Globals of Node are refused. */
  readonly neutral?: true
}

const NOTHING = /^$/
const SCOPE = /^node:async_hooks$/
/** Cookies are written by a library. */
const FETCH = /^(?:node:async_hooks|cookie)$/
export const NODE: RegExp = /^node:/
/** Node, and cookies. */
const SERVER = /^(?:node:.*|cookie)$/
/** Node, and the drivers or ORMs a package is for. */
const nodeAnd = (...peers: string[]): RegExp => new RegExp(`^(?:node:.*|${peers.join('|')})$`)

const LIBRARIES = [
  'express',
  'fastify',
  'h3',
  'hono',
  'koa',
  'nestjs',
  'nitro',
  'elysia',
  'kysely',
  'drizzle',
  'prisma',
  'react-router',
  'sveltekit',
]

/** Names of frameworks and libraries, but for the one the entry is for. */
const others = (...own: string[]): RegExp =>
  new RegExp(`\\b(?:${LIBRARIES.filter((name) => !own.includes(name)).join('|')})\\b`, 'i')

export const ENTRY_RULES: Readonly<Record<string, EntryRule>> = {
  '@flyback/core': { imports: NOTHING, names: others(), neutral: true },
  '@flyback/core/scope': { imports: SCOPE, names: others() },
  '@flyback/http': { imports: FETCH, names: others() },
  '@flyback/http/express': { imports: SERVER, names: others('express') },
  '@flyback/http/fastify': { imports: SERVER, names: others('fastify') },
  '@flyback/http/fetch': { imports: FETCH, names: others() },
  '@flyback/http/h3': { imports: /^(?:node:async_hooks|cookie|h3)$/, names: others('h3') },
  '@flyback/http/hono': { imports: FETCH, names: others('hono') },
  '@flyback/http/koa': { imports: SERVER, names: others('koa') },
  '@flyback/http/nest': {
    imports: nodeAnd('cookie', '@nestjs/common', '@nestjs/core'),
    names: others('nestjs', 'fastify'),
  },
  '@flyback/http/nitro': { imports: SERVER, names: others('nitro', 'h3') },
  '@flyback/http/next': { imports: SERVER, names: others() },
  '@flyback/http/node': { imports: SERVER, names: others() },
  '@flyback/http/otel': { imports: /^@opentelemetry\/api$/, names: others() },
  '@flyback/http/react-router': { imports: FETCH, names: others('react-router') },
  '@flyback/http/sveltekit': { imports: FETCH, names: others('sveltekit') },
  '@flyback/drizzle/node-postgres': {
    imports: nodeAnd('pg', 'drizzle-orm(?:/.*)?'),
    names: others('drizzle'),
  },
  '@flyback/drizzle/postgres-js': {
    imports: nodeAnd('postgres', 'drizzle-orm(?:/.*)?'),
    names: others('drizzle'),
  },
  '@flyback/kysely': { imports: nodeAnd('kysely'), names: others('kysely') },
  '@flyback/lab': { imports: nodeAnd('pg') },
  '@flyback/pg': { imports: nodeAnd('pg'), names: others() },
  '@flyback/postgres': { imports: nodeAnd('postgres'), names: others() },
  '@flyback/prisma': { imports: nodeAnd('pg', '@prisma/adapter-pg'), names: others('prisma') },
}
