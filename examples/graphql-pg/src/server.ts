import { createServer } from 'node:http'
import { findReplayRequired, requirePrimary, withFlyback } from '@flyback/http/node'
import { Pool } from '@flyback/pg'
import { getOperationAST } from 'graphql'
import { createSchema, createYoga, type Plugin, type YogaLogger } from 'graphql-yoga'

// The guestbook as a graph. Nothing in it knows about regions: Pool and withFlyback() read the environment.
const pool = new Pool()
const region = process.env.FLY_REGION

const schema = createSchema({
  typeDefs: `
    type Entry { author: String!, message: String! }
    type Visits { region: String, count: Int! }
    type Signed { region: String, id: Int! }
    type Query { region: String, entries: [Entry!]!, visit: Visits! }
    type Mutation { sign(author: String!, message: String!): Signed! }
  `,
  resolvers: {
    Query: {
      region: () => region,
      async entries() {
        const sql = 'select author, message from entry order by id desc limit 5'
        return (await pool.query(sql)).rows
      },
      // A query by its name, a write by what it does.
      async visit() {
        const sql = "update tally set count = count + 1 where name = 'visits' returning count"
        return { region, count: (await pool.query(sql)).rows[0].count }
      },
    },
    Mutation: {
      async sign(_root, { author, message }) {
        const { rows } = await pool.query(
          `with counted as (update tally set count = count + 1 where name = 'entries')
           insert into entry (author, message) values ($1, $2) returning id`,
          [author, message],
        )
        return { region, id: rows[0].id }
      },
    },
  },
})

// A mutation belongs in the primary region from its first line, whatever its resolvers do before they write.
const mutationsInPrimaryRegion: Plugin = {
  onExecute({ args: { document, operationName } }) {
    if (getOperationAST(document, operationName)?.operation === 'mutation') requirePrimary()
  },
}

/** As Yoga's own, but a refused write is no failure: the whole request runs again in the primary region. */
const logging: YogaLogger = {
  debug: () => {},
  info: console.info,
  warn: console.warn,
  error(...args) {
    if (!args.some((arg) => findReplayRequired(arg))) console.error(...args)
  },
}

const yoga = createYoga({ schema, logging, plugins: [mutationsInPrimaryRegion] })
const server = createServer(
  // Queries and mutations both come by POST.
  withFlyback(yoga, { routes: [{ path: '/graphql', policy: 'attempt' }] }),
)
server.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void pool.end())
  server.closeIdleConnections()
})
