/** A request, in no framework's words. */
export interface Ask {
  readonly method: string
  /** Path and query as the framework shows them to a handler: without the mount point, where it cuts that off. */
  readonly url: string
  header(name: string): string | undefined
  text(): Promise<string>
  bytes(): Promise<Uint8Array>
}

/** A response, in no framework's words. A body in parts is sent part by part. */
export interface Reply {
  readonly status: number
  /** A name may be there several times: `set-cookie`. */
  readonly headers: ReadonlyArray<readonly [name: string, value: string]>
  readonly body: string | Uint8Array | AsyncIterable<string | Uint8Array> | null
}

/** One route, to be registered in the framework's own way. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'OPTIONS'
  /** Exact, or ending in `/*`. */
  readonly path: string
  /** Throws what it throws: an error is for the framework to see. */
  handle(ask: Ask): Promise<Reply>
}

export function json(value: unknown, headers: Reply['headers'] = [], status = 200): Reply {
  return {
    status,
    headers: [['content-type', 'application/json'], ...headers],
    body: JSON.stringify(value),
  }
}

export function text(body: Reply['body'], headers: Reply['headers'] = [], status = 200): Reply {
  return { status, headers: [['content-type', 'text/plain; charset=utf-8'], ...headers], body }
}

/** One value of the query; empty when it is not there. */
export function query(ask: Pick<Ask, 'url'>, name: string): string {
  return new URL(ask.url, 'http://app').searchParams.get(name) ?? ''
}
