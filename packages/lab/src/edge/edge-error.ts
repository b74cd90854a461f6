/**
 * The edge's own errors. Codes and meanings are Fly's; the statuses are not documented by Fly ("a generic 5xx"),
 * nor is what a client finds in the body: see docs/lab-edge-rules.md.
 *
 * @see docs/lab-edge-rules.md; https://fly.io/docs/monitoring/error-codes/ (read 2026-08)
 */
const errors = {
  PA01: { status: 502, meaning: 'replay buffer exceeded' },
  PA02: { status: 502, meaning: 'more than 10 replays' },
  PA03: { status: 502, meaning: 'invalid fly-replay' },
  PA04: { status: 502, meaning: 'replay target app not found' },
  PA05: { status: 502, meaning: 'unauthorized replay target app' },
  PR03: { status: 502, meaning: 'no connection to a machine after retries' },
  PR04: { status: 503, meaning: 'no candidate machine' },
  PU02: { status: 502, meaning: 'the machine did not complete the request' },
  // The lab's own: Fly's parser refuses these too, without a documented code.
  LAB400: { status: 400, meaning: 'bad request' },
  LAB501: { status: 501, meaning: 'transfer coding not implemented' },
} as const

/** A Fly error code (`PA`, `PR`, `PU`), or one of the lab's own for requests the edge refuses outright. */
export type EdgeErrorCode = keyof typeof errors

/** Why the edge itself answers a request. The reason is a sentence of ours: it carries no value from the request. */
export class EdgeError extends Error {
  override readonly name = 'EdgeError'
  readonly code: EdgeErrorCode
  readonly status: number

  constructor(code: EdgeErrorCode, reason?: string, options?: ErrorOptions) {
    const { status, meaning } = errors[code]
    super(`${code}: ${meaning}${reason ? `: ${reason}` : ''}`, options)
    this.code = code
    this.status = status
  }
}
