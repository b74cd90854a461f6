import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Server, serverAt } from '../../src/deployment/server.js'
import {
  type ConnectionFields,
  detectDeployment,
  locateDatabase,
  targetEndpoints,
} from '../../src/index.js'

/** Where the writer of a driver's options is. */
function at(fields: ConnectionFields, env: Record<string, string> = {}): Server {
  return serverAt(undefined, locateDatabase(fields, env))
}

describe('where an endpoint leads', () => {
  test.each<[ConnectionFields, Record<string, string>, (string | number | undefined)[]]>([
    [{ url: 'postgres://u:p@db.example:6000/shop' }, {}, ['db.example', 6000, 'shop']],
    [{ url: 'postgres://u:p@db.example' }, {}, ['db.example', 5432, undefined]],
    [{ url: 'postgres://u:p@db.example', database: 'a' }, {}, ['db.example', 5432, 'a']],
    [{ url: 'postgres://db.example/my%20shop' }, {}, ['db.example', 5432, undefined]],
    [{ url: 'postgres://db.example/caf%C3%A9' }, {}, ['db.example', 5432, 'café']],
    [{ url: 'postgres://db.example/%E0%A4%A' }, {}, ['db.example', 5432, undefined]],
    [{ url: 'postgres://u:p@[fdaa::3]:5433/shop' }, {}, ['fdaa::3', 5433, 'shop']],
    [{ url: 'postgres:///shop?host=db.example&port=5433' }, {}, ['db.example', 5433, 'shop']],
    [{ url: 'postgres://a.example,b.example/shop' }, {}, [undefined, 5432, 'shop']],
    [{ url: 'postgres://user:12/34@db.example/shop' }, {}, [undefined, undefined, undefined]],
    [{ url: 'postgres://a:1,b:2/shop' }, {}, [undefined, undefined, undefined]],
    [{ url: 'no url', database: 'a' }, {}, [undefined, undefined, 'a']],
    [{ host: 'db.example', port: '6000', database: 'shop' }, {}, ['db.example', 6000, 'shop']],
    [
      { host: '/var/run/postgresql' },
      { PGDATABASE: 'shop' },
      ['/var/run/postgresql', 5432, 'shop'],
    ],
    [{ host: 'a.example,b.example', port: '1,2' }, {}, [undefined, undefined, undefined]],
    [{ host: 'db.example', port: 'none' }, {}, ['db.example', undefined, undefined]],
  ])('%o %o', (fields, env, [address, port, database]) => {
    expect(at(fields, env)).toEqual({ address, port, database })
  })

  test('of both endpoints is known beside them', () => {
    const env = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
    const url = 'postgres://u:p@top1.nearest.of.db.internal:5432/shop'
    const { servers } = targetEndpoints(locateDatabase({ url }, env), detectDeployment(env), {
      env,
    })
    const address = 'top1.nearest.of.db.internal'
    expect(servers).toEqual({
      writer: { address, port: 5432, database: 'shop' },
      replica: { address, port: 5433, database: 'shop' },
    })
  })

  test('rule 19: nothing of a user or a password is in it, encoded or not', () => {
    const secret = fc
      .stringMatching(/^[a-z0-9@:/?#%.,[\] ]{0,6}$/)
      .map((noise) => `sEcReT${noise}sEcReT`)
    fc.assert(
      fc.property(secret, fc.boolean(), (password, encoded) => {
        const url = `postgres://user:${encoded ? encodeURIComponent(password) : password}@db.example/shop`
        const server = at({ url })
        expect(JSON.stringify(server).toLowerCase()).not.toContain('secret')
      }),
    )
  })
})
