import { runOnPrimary, withFlyback } from '@flyback/http/node'
import {
  type AdapterUnderTest,
  type App,
  CONTRACT_SCHEMA,
  type Connected,
  serveRegions,
  sharedLab,
} from '@flyback/testkit'
import { expect, test } from 'vitest'
import {
  drizzleOnNodePostgres,
  drizzleOnPostgresJs,
} from '../../drizzle/test/adapters-under-test.js'
import { kyselyOnPg, kyselyOnPostgres } from '../../kysely/test/adapter-under-test.js'
import { nodePostgres } from '../../pg/test/adapter-under-test.js'
import { postgresJs } from '../../postgres/test/adapter-under-test.js'
import { prismaUnderTest } from '../../prisma/test/adapter-under-test.js'

const ADAPTERS: readonly AdapterUnderTest[] = [
  nodePostgres,
  postgresJs,
  kyselyOnPg,
  kyselyOnPostgres,
  drizzleOnNodePostgres,
  drizzleOnPostgresJs,
  prismaUnderTest('Prisma', false),
  prismaUnderTest('Prisma with $extends', true),
]
const INSERT = 'insert into item (name) values ($1)'

/** Ways for a handler to write one item, or none. */
const FORMS: Readonly<Record<string, (db: Connected, name: string) => Promise<unknown>>> = {
  model: (db, name) => db.items.insert(name),
  raw: (db, name) => db.query(INSERT, [name]),
  transaction: (db, name) =>
    db.transaction(async (tx) => {
      await tx.items.find('n1')
      await tx.items.insert(name)
    }),
  swallowed: (db, name) => db.items.insert(name).then(undefined, () => 'swallowed'),
  wrapped: (db, name) =>
    db.items.insert(name).catch((cause: unknown) => {
      throw new Error('could not save', { cause })
    }),
  forward: (db, name) => runOnPrimary(() => db.query(INSERT, [name])),
  read: (db, name) => db.query('select $1::text as name', [name]),
}

async function serve(adapter: AdapterUnderTest, env: Record<string, string>): Promise<App> {
  const db = await adapter.connect({ env, max: 2 })
  const listener = withFlyback(
    async (req, res) => {
      const url = new URL(req.url ?? '/', 'http://localhost')
      const form = FORMS[url.pathname.slice(1)]
      const answer = await form?.(db, url.searchParams.get('name') ?? '')
      const name = Array.isArray(answer) ? answer[0]?.name : undefined
      res.end(JSON.stringify({ region: env['FLY_REGION'], name }))
    },
    { env, routes: [{ path: '/*', policy: 'attempt' }] },
  )
  return {
    listener,
    close: async () => {
      await db.end()
    },
  }
}

test.each(ADAPTERS.map((adapter) => [adapter.name, adapter] as const))(
  'rule 15: %s, 50 concurrent requests over two connections: each effect exactly once, no scope of another',
  async (_name, adapter) => {
    await using database = await sharedLab().createDatabase({ schema: CONTRACT_SCHEMA })
    const apps = new Map<string, App>()
    for (const region of ['ewr', 'iad']) {
      apps.set(region, await serve(adapter, database.env(region)))
    }
    await using regions = await serveRegions({
      regions: ['ewr', 'iad'],
      serve: (region) => apps.get(region) ?? expect.unreachable(),
    })
    const forms = Object.keys(FORMS)
    const sent = Array.from({ length: 50 }, (_, i) => ({
      name: `request-${i}`,
      form: forms[i % forms.length] ?? 'read',
    }))
    const answers = await Promise.all(
      sent.map(async ({ name, form }) => {
        const url = regions.url('iad', `/${form}?name=${name}`)
        const response = await fetch(url, { method: 'POST' })
        return { status: response.status, body: await response.json() }
      }),
    )
    const written = await database.query<{ name: string }>(
      'ewr',
      'writer',
      "select name from item where name like 'request-%'",
    )
    const names = written.map(({ name }) => name)
    for (const [i, { name, form }] of sent.entries()) {
      const region = form === 'forward' || form === 'read' ? 'iad' : 'ewr'
      expect(answers[i], `${name}, ${form}`).toMatchObject({ status: 200, body: { region } })
      expect(names.filter((each) => each === name)).toHaveLength(form === 'read' ? 0 : 1)
      if (form === 'read') expect(answers[i]?.body).toEqual({ region, name })
    }
  },
)
