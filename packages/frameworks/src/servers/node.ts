import { createServer } from 'node:http'
import { withFlyback } from '@flyback/http/node'
import { createContractApp } from '../app/index.ts'
import { address } from './node-exchange.ts'
import { createNodeHandler } from './node-handler.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const { port, host } = address()
const listener = withFlyback(createNodeHandler(contract), contract.options)
serveSockets(createServer(listener).listen(port, host), contract)
