import { createServer } from 'node:http'
import { createContractApp } from '@flyback/frameworks/app'
import { withFlyback } from '@flyback/http/node'
import next from 'next'

const port = Number(process.env.PORT)
const hostname = process.env.HOST ?? '127.0.0.1'
const app = next({ dir: import.meta.dirname, port, hostname })
const handle = app.getRequestHandler()
const { options } = createContractApp()

await app.prepare()
createServer(withFlyback(handle, options)).listen(port, hostname)
