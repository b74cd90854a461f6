import { describe, expect, test } from 'vitest'
import {
  type ConnectionFields,
  detectDeployment,
  locateDatabase,
  targetEndpoints,
} from '../../src/index.js'

const URL_IN_ENV = { DATABASE_URL: 'postgres://u:p@db.internal/app' }

describe('where a driver would connect', () => {
  const cases: [title: string, fields: ConnectionFields, env: object, expected: object][] = [
    ['a URL of its own', { url: 'postgres://h/d' }, URL_IN_ENV, { url: 'postgres://h/d' }],
    ['nothing said: DATABASE_URL', {}, URL_IN_ENV, { url: URL_IN_ENV.DATABASE_URL }],
    ['a host', { host: 'h' }, URL_IN_ENV, { host: 'h', port: 5432, setting: 'PGPORT' }],
    ['a port', { port: '6000' }, URL_IN_ENV, { host: 'localhost', port: '6000', setting: 'port' }],
    ['a database', { database: 'd' }, URL_IN_ENV, { host: 'localhost' }],
    ['a user', { user: 'u' }, URL_IN_ENV, { host: 'localhost' }],
    ['PGHOST', {}, { ...URL_IN_ENV, PGHOST: 'pg', PGPORT: '7' }, { host: 'pg', port: '7' }],
    ['nothing at all', {}, {}, { host: 'localhost', port: 5432 }],
  ]
  test.each(cases)('%s', (_title, fields, env, expected) => {
    expect(locateDatabase(fields, { ...env })).toMatchObject(expected)
  })
})

describe('the endpoints of an address', () => {
  const regions = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
  const address = (host: string, port: string | number = 5432) =>
    ({ type: 'address', host, port, setting: 'port' }) as const
  const at = (source: Parameters<typeof targetEndpoints>[0], env: object = regions) =>
    targetEndpoints(source, detectDeployment({ ...env }), { env: { ...env } })

  test('on Fly: 5432 and 5433', () => {
    const { writer, replica, cluster } = at(address('top1.nearest.of.db.internal'))
    expect(writer).toEqual({ host: 'top1.nearest.of.db.internal', port: 5432 })
    expect(replica).toEqual({ host: 'top1.nearest.of.db.internal', port: 5433 })
    expect(cluster).toBe('top1.nearest.of.db.internal:5432')
  })

  test('elsewhere: the writer as given, and no replica', () => {
    expect(at(address('db.example.com'))).toMatchObject({ writer: undefined, replica: undefined })
  })

  test('with a replica named in the environment', () => {
    const env = { ...regions, FLYBACK_REPLICA_URL: 'postgres://r/d' }
    expect(at(address('db.example.com'), env).replica).toEqual({ url: 'postgres://r/d' })
  })

  test('outside a replica region nothing is parsed', () => {
    const env = { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }
    const { replica, cluster } = at(address('db.internal', 'nonsense'), env)
    expect([replica, cluster]).toEqual([undefined, 'default'])
  })

  test('a port that is none is refused by name where a replica is derived from it', () => {
    expect(() => at(address('db.internal', 'nonsense'))).toThrow(/^port has a port/)
  })
})
