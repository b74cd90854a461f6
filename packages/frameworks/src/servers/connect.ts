import { createServer } from 'node:http'
import { flyback, type NodeMiddleware } from '@flyback/http/node'
import compression from 'compression'
import { createContractApp } from '../app/index.ts'
import { address } from './node-exchange.ts'
import { createNodeHandler } from './node-handler.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const handler = createNodeHandler(contract)
// It asks for no more than Node's own request and response, whatever its types say.
const compress = compression() as unknown as NodeMiddleware
const replay = flyback(contract.options)

const { port, host } = address()
const server = createServer((req, res) => {
  compress(req, res, () => replay(req, res, () => void handler(req, res)))
})
serveSockets(server.listen(port, host), contract)
