import { createServer } from 'node:http'
import { withFlyback } from '@flyback/http/fetch'
import { getRequestListener } from '@hono/node-server'
import { createContractApp } from '../app/index.ts'
import { createFetchHandler } from './fetch-handler.ts'
import { address } from './node-exchange.ts'

const contract = createContractApp()
const serve = withFlyback(createFetchHandler(contract), contract.options)
const errorHandler = (): Response => new Response('failed', { status: 500 })

const { port, host } = address()
createServer(getRequestListener(serve, { errorHandler })).listen(port, host)
