import { expect } from 'vitest'
import { expectForwarded, expectReplayed, wayOf } from '../expectations.js'
import type { HandlerCase, HandlerSection } from '../handler-case.js'

/** A request that only reads, and stays where it is. */
const stays = (id: string, title: string, path: string, body: string): HandlerCase => ({
  id,
  title,
  async run(host) {
    const headers = { 'content-type': 'application/json' }
    const answer = await host.send('iad', path, { method: 'POST', headers, body })
    expect({ status: answer.status, body: answer.json() }).toMatchObject({
      status: 200,
      body: { region: 'iad' },
    })
    expect(await wayOf(host, answer)).toEqual(['iad'])
  },
})

/** A request that writes, and is replayed for this reason. */
const goes = (
  id: string,
  title: string,
  method: string,
  path: string,
  reason: string,
  body?: string,
): HandlerCase => ({
  id,
  title,
  async run(host) {
    const effect = host.id()
    const headers = { 'content-type': 'application/json' }
    const sent = body === undefined ? { method } : { method, headers, body }
    const answer = await host.send('iad', `${path}?id=${effect}`, sent)
    await expectReplayed(host, answer, effect, reason)
  },
})

const QUERY = JSON.stringify({ query: '{ items { name } }' })
const MUTATION = JSON.stringify({ query: 'mutation { add { name } }' })

export const policies: HandlerSection = {
  heading: 'Policies',
  cases: [
    stays('attempt-clean', 'a POST that only reads stays when attempted', '/attempt/clean', 'x'),
    stays('graphql-query', 'a GraphQL query over POST stays', '/graphql', QUERY),
    goes(
      'graphql-mutation',
      'a GraphQL mutation over POST is replayed, with its document',
      'POST',
      '/graphql',
      'write',
      MUTATION,
    ),
    goes(
      'oauth-callback',
      'a GET that always writes, an OAuth callback, is replayed before its handler',
      'GET',
      '/oauth/callback',
      'route',
    ),
    {
      id: 'forward',
      title: 'a route that forwards writes from its region',
      async run(host) {
        const id = host.id()
        const answer = await host.send('iad', `/forward/write?id=${id}`, { method: 'POST' })
        await expectForwarded(host, answer, id)
        expect(await wayOf(host, answer)).toEqual(['iad'])
      },
    },
    stays(
      'mounted-policy',
      'a rule names the whole path of a route in a mounted app',
      '/mounted/attempt/clean',
      'x',
    ),
    goes('mounted-get', 'a GET in a mounted app is replayed', 'GET', '/mounted/thrown', 'write'),
    goes('mounted-post', 'a POST in a mounted app is replayed', 'POST', '/mounted/write', 'method'),
  ],
}
