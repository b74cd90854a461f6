import type { IncomingMessage } from 'node:http'
import { createNodeBase } from '../node-base.js'
import { type FlybackOptions, readOptions } from '../options.js'
import { hookServer } from './hook-server.js'

/** Puts the node base before everything that Next does with a request. @throws ConfigurationError */
export function serveRequests(options: FlybackOptions<IncomingMessage>): void {
  if (readOptions(options).deployment.role === 'single') return
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
