import { Readable } from 'node:stream'
import { currentScope } from '@flyback/core/scope'
import { sharedLab, type TestDatabase } from '@flyback/testkit'
import pg from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import Cursor from 'pg-cursor'
import QueryStream from 'pg-query-stream'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inRequest, openPool, openScope, SCHEMA } from './support.js'

const SERIES = 'select g from generate_series(1, 3) g'
const FAILING = 'select 1/(2 - g) from generate_series(1, 3) g'

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase({ schema: SCHEMA })
})
afterAll(() => database.drop())

/** Starts work that tells the scope of each of its callbacks, and resolves when `done` was called. */
type Look = (
  client: pg.PoolClient,
  tell: (what: string) => void,
  done: (told?: unknown) => void,
  fail: (error: unknown) => void,
) => void

const looks: [title: string, expected: string[], look: Look][] = [
  [
    'row and end events of a Query',
    ['row', 'row', 'row', 'end'],
    (client, tell, done) => {
      const query = client.query(new pg.Query(SERIES))
      query.on('row', () => tell('row'))
      query.on('end', () => done(tell('end')))
    },
  ],
  [
    'the error event of a Query',
    ['error'],
    (client, tell, done) => {
      client.query(new pg.Query(FAILING)).on('error', () => done(tell('error')))
    },
  ],
  [
    'the callback of a Query',
    ['callback'],
    (client, tell, done) => {
      client.query(new pg.Query(SERIES, () => done(tell('callback'))))
    },
  ],
  [
    'read callbacks of a cursor, each asked from the one before, and its close',
    ['read 2', 'read 1', 'read 0', 'close'],
    (client, tell, done, fail) => {
      const cursor = client.query(new Cursor(SERIES))
      const next = (): void => {
        cursor.read(2, (error, rows) => {
          if (error) return fail(error)
          tell(`read ${rows.length}`)
          if (rows.length > 0) return next()
          cursor.close(() => done(tell('close')))
        })
      }
      next()
    },
  ],
  [
    'the close callback of a cursor that is not read to its end',
    ['read 1', 'close'],
    (client, tell, done) => {
      const cursor = client.query(new Cursor(SERIES))
      cursor.read(1, (_error, rows) => {
        tell(`read ${rows.length}`)
        cursor.close(() => done(tell('close')))
      })
    },
  ],
  [
    'row and end events of a cursor',
    ['row', 'row', 'row', 'end'],
    (client, tell, done) => {
      const cursor = client.query(new Cursor(SERIES))
      cursor.on('row', () => tell('row'))
      cursor.on('end', () => done(tell('end')))
      cursor.read(10, () => {})
    },
  ],
  [
    'the read callback of a cursor that fails',
    ['error'],
    (client, tell, done) => {
      client.query(new Cursor(FAILING)).read(5, (error) => {
        tell(error ? 'error' : 'no error')
        done()
      })
    },
  ],
  [
    'data and end events of a query stream',
    ['data', 'data', 'data', 'end'],
    (client, tell, done) => {
      const stream = client.query(new QueryStream(SERIES, [], { batchSize: 1 }))
      stream.on('data', () => tell('data'))
      stream.on('end', () => tell('end'))
      stream.on('close', done)
    },
  ],
  [
    'the error event of a query stream',
    ['error'],
    (client, tell, done) => {
      const stream = client.query(new QueryStream(FAILING))
      stream.on('data', () => {})
      stream.on('error', () => tell('error'))
      stream.on('close', done)
    },
  ],
  [
    'data and end events of COPY TO STDOUT',
    ['data', 'end'],
    (client, tell, done) => {
      const stream = client.query(copyTo('copy (select 1) to stdout'))
      stream.on('data', () => tell('data'))
      stream.on('end', () => done(tell('end')))
    },
  ],
]

describe.each(['ewr', 'iad'])('rule 15: in %s the scope of the caller is kept by', (region) => {
  test.each(looks)('%s', async (_title, expected, look) => {
    await using open = openPool(database, region, { max: 1 })
    // The socket is opened in another scope than the one that uses it.
    await inRequest(openScope(database, region), () => open.pool.query('select 1'))
    for (let request = 0; request < 2; request++) {
      const scope = openScope(database, region)
      const told = await inRequest(scope, async () => {
        const client = await open.pool.connect()
        const heard: [string, boolean][] = []
        try {
          await new Promise<void>((resolve, reject) => {
            const tell = (what: string): void => void heard.push([what, currentScope() === scope])
            look(client, tell, () => resolve(), reject)
          })
        } finally {
          client.release()
        }
        return heard
      })
      expect(told).toEqual(expected.map((what) => [what, true]))
    }
  })
})

test('rule 15: COPY FROM STDIN finishes in the scope of its caller', async () => {
  await using open = openPool(database, 'ewr', { max: 1 })
  await open.pool.query('select 1')
  const scope = openScope(database, 'ewr')
  await inRequest(scope, async () => {
    const client = await open.pool.connect()
    const kept = await new Promise((resolve, reject) => {
      const stream = client.query(copyFrom('copy item (name) from stdin'))
      stream.on('error', reject)
      stream.on('finish', () => resolve(currentScope() === scope))
      Readable.from(['copied\n']).pipe(stream)
    })
    expect(kept).toBe(true)
    client.release()
  })
})
