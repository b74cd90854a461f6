import { AsyncLocalStorage } from 'node:async_hooks'
import { observe, withFlyback } from '@flyback/http/fetch'

/** What a listener hears of one request on this runtime, and the async context it hears it in. */
const context = new AsyncLocalStorage<string>()
const heard: unknown[] = []
observe('flyback:request:start', ({ path }) => heard.push([path, context.getStore()]))
observe('flyback:request:end', ({ outcome, reason }) =>
  heard.push([outcome, reason, context.getStore()]),
)

const serve = withFlyback(() => new Response('fine'), {
  env: { FLYBACK_REGION: 'syd', FLYBACK_PRIMARY_REGION: 'ewr' },
  platform: false,
  serverTiming: true,
})
const response = await context.run('request', () => serve(new Request('http://app.test/page?q=1')))
await response.text()
console.log(JSON.stringify({ heard, timing: response.headers.get('server-timing') }))
