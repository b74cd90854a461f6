import type { Delivery, Level, Request as Recorded } from '../history/history.ts'
import type { Work } from './app.ts'

/** The server of a region: the app behind Flyback's handler. */
export type Serve = (request: Request, work: Work, level: Level) => Promise<Response>

export interface Passing {
  readonly record: Recorded
  readonly work: Omit<Work, 'delivery'>
  /** What the client sends. */
  readonly request: () => Request
}

/** More than anything that works needs: a loop ends here. */
const MAX_DELIVERIES = 4

/**
 * Fly's proxy, as far as a request of the checker meets it: brings it to the app of its region, and follows `fly-replay` with the
 * headers Fly adds.
 *
 * @see docs/lab-edge-rules.md, of which this is a part
 */
export async function passEdge(
  apps: ReadonlyMap<string, Serve>,
  reaches: (from: string, to: string) => boolean,
  { record, work, request }: Passing,
): Promise<Response> {
  let { region } = record
  const marks = new Map<string, string>()
  for (;;) {
    const sent = request()
    const headers = new Headers(sent.headers)
    headers.set('fly-region', record.region)
    headers.set('fly-forwarded-port', '443')
    headers.set('x-forwarded-proto', 'https')
    for (const [name, value] of marks) headers.set(name, value)
    const delivery: Delivery = { region, beginMs: performance.now(), operations: [] }
    record.deliveries.push(delivery)
    const serve = apps.get(region)
    if (serve === undefined) throw new Error(`No app runs in ${region}`)
    const answer = await serve(
      new Request(sent, { headers }),
      { ...work, delivery },
      record.level,
    ).catch(() => new Response(null, { status: 500 }))
    const fields = replayFields(answer.headers.get('fly-replay'))
    delivery.status = fields === undefined ? answer.status : 409
    if (fields === undefined || record.deliveries.length >= MAX_DELIVERIES) return answer
    const target = fields.get('region') ?? region
    const source = `instance=${region}1;region=${region};t=${Date.now() * 1000};state=${fields.get('state') ?? ''}`
    marks.clear()
    if (apps.has(target) && reaches(region, target)) {
      marks.set('fly-replay-src', source)
      region = target
    } else if (fields.get('fallback') === 'prefer_self') {
      marks.set('fly-replay-failed', source)
    } else {
      return new Response(null, { status: 502 })
    }
  }
}

function replayFields(header: string | null): ReadonlyMap<string, string> | undefined {
  if (header === null) return undefined
  const pairs = header.split(';').map((field): [string, string] => {
    const [name = '', ...value] = field.split('=')
    return [name.trim(), value.join('=').trim()]
  })
  return new Map(pairs)
}
