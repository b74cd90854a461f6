import { flyback } from '@flyback/http/express'
import compression from 'compression'
import type { NextFunction, Request, Response } from 'express'
import express from 'express4'
import { createContractApp, errorReply } from '../app/index.ts'
import { registerRoutes, sendByExpress } from './express-routes.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const app = express()
app.use(compression())
app.use(flyback(contract.options))
app.use(express.raw({ type: () => true, limit: '10mb' }))
registerRoutes(app, contract)
app.use('/mounted', registerRoutes(express.Router(), contract))
app.use('/handled', (error: unknown, _req: Request, res: Response, _next: NextFunction) => {
  void sendByExpress(res, errorReply(error))
})

const { port, host } = address()
serveSockets(app.listen(port, host), contract)
