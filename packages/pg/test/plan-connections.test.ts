import { Scope } from '@flyback/core'
import { expect, test } from 'vitest'
import type { ClientConfig } from '../src/index.js'
import { planConnections } from '../src/plan-connections.js'

const env = { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }
const replicaUrl = 'postgres://u:p@replica.example.com/app'

test.each([
  ['a name', 'db.example.com', 'db.example.com'],
  ['an IPv6 address', '[fdaa::3]', 'fdaa::3'],
])('rule 12: a URL and fields that name one host are one cluster: %s', (_title, inUrl, host) => {
  const routerOf = (config: ClientConfig) =>
    planConnections({ ...config, flyback: { env, replicaUrl } }).routing?.router
  const byUrl = routerOf({ connectionString: `postgres://u:p@${inUrl}:5432/app` })
  const byFields = routerOf({ host, port: 5432, user: 'u', password: 'p' })
  const elsewhere = routerOf({ host: 'other.example.com' })
  const scope = new Scope({ role: 'replica', primaryRegion: 'ewr', canReplay: true })
  byUrl?.enter(scope, 'writer')
  expect(byFields?.isBehind(scope, 'replica')).toBe(true)
  expect(elsewhere?.isBehind(scope, 'replica')).toBe(false)
})
