import { createServer } from 'node:http'
import { withFlyback } from '@flyback/http/node'
import { createContractApp } from '../app/index.ts'
import { address } from './node-exchange.ts'
import { createNodeHandler } from './node-handler.ts'

const contract = createContractApp()
const { port, host } = address()
createServer(withFlyback(createNodeHandler(contract), contract.options)).listen(port, host)
