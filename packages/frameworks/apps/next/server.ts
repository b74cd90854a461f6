import { createServer } from 'node:http'
import next from 'next'

// A custom server as Next's documentation has it: the hook of instrumentation.ts is all that Flyback needs.
const port = Number(process.env.PORT)
const hostname = process.env.HOST ?? '127.0.0.1'
const app = next({ dir: import.meta.dirname, port, hostname })
const handle = app.getRequestHandler()

await app.prepare()
createServer((req, res) => void handle(req, res)).listen(port, hostname)
