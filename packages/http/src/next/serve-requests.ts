import type { IncomingMessage } from 'node:http'
import { tellNotices } from '@flyback/core'
import { createNodeBase } from '../node-base.js'
import { type FlybackOptions, readOptions } from '../options.js'
import { hookServer } from './hook-server.js'

/** Seen with Bun 1.4.5. */
const NO_CHANNEL = {
  code: 'FLYBACK_NO_HOOK',
  message:
    'Bun does not tell of requests as Node does, so registerFlyback() sees none. Run Next on Node, or use proxy.ts, withFlyback and withFlybackScope',
}

/** Puts the node base before everything that Next does with a request. @throws ConfigurationError */
export function serveRequests(options: FlybackOptions<IncomingMessage>): void {
  if (readOptions(options).deployment.role === 'single') return
  if ('Bun' in globalThis) tellNotices([NO_CHANNEL])
  const serve = createNodeBase(options, (req: IncomingMessage) => ({ req }), { staysHere: true })
  hookServer((req, res, pass) => {
    serve(req, res, {
      run: pass,
      // As Next does with what its listener throws.
      fail(error) {
        console.error(error)
        res.statusCode = 500
        res.end('Internal Server Error')
      },
    })
  })
}
