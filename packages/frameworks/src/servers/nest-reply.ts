import { Readable } from 'node:stream'
import { StreamableFile } from '@nestjs/common'
import type { AbstractHttpAdapter } from '@nestjs/core'
import type { Reply } from '../app/index.ts'

/** Sets status and headers of a reply on the platform's own response, and hands back the body for Nest to send. */
export function replyBody(
  adapter: AbstractHttpAdapter,
  response: object,
  { status, headers, body }: Reply,
): unknown {
  adapter.status(response, status)
  for (const [name, value] of headers) adapter.appendHeader(response, name, value)
  if (body === null || typeof body === 'string') return body ?? ''
  return body instanceof Uint8Array
    ? new StreamableFile(body)
    : new StreamableFile(Readable.from(body))
}
