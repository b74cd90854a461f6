import assert from 'node:assert/strict'
import { withFlyback } from '@flyback/http/fetch'
import { instrumentFlyback } from '@flyback/http/otel'
import { Pool, runOnPrimary } from '@flyback/pg'
import { INSERT, WHO } from './check.mjs'

const ended = []
/** The least of a tracer, for any version of the API. */
const tracer = {
  startSpan(name, { attributes }) {
    const span = {
      setAttribute: (key, value) => span.setAttributes({ [key]: value }),
      setAttributes: (more) => Object.assign(attributes, more),
      setStatus: () => span,
      end: () => ended.push([name, attributes['flyback.reason'], attributes['flyback.outcome']]),
    }
    return span
  },
}
const stops = [
  // Without an SDK everything goes nowhere.
  instrumentFlyback(),
  instrumentFlyback({ tracerProvider: { getTracer: () => tracer } }),
]
const pool = new Pool()
const serve = withFlyback(async (request) => {
  if (new URL(request.url).pathname === '/forward') await runOnPrimary(() => pool.query(INSERT))
  else await pool.query(WHO)
  return new Response('fine')
})
await serve(new Request('http://app.test/'))
await serve(new Request('http://app.test/forward'))
for (const stop of stops) stop()
await serve(new Request('http://app.test/'))
assert.deepEqual(ended, [
  ['flyback.statement', 'local', 'answered'],
  ['flyback.request', 'local', 'served'],
  ['flyback.statement', 'asked', 'answered'],
  ['flyback.request', 'asked', 'forwarded'],
])
await pool.end()
console.log('ok')
