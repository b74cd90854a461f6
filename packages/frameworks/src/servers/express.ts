import { flyback } from '@flyback/http/express'
import compression from 'compression'
import express, { type NextFunction, type Request, type Response } from 'express'
import { createContractApp, errorReply } from '../app/index.ts'
import { registerRoutes, sendByExpress } from './express-routes.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
// A wildcard of Express 5 has a name.
const pattern = (path: string): string => path.replace('*', '*rest')
const app = express()
app.use(compression())
app.use(flyback(contract.options))
app.use(express.raw({ type: () => true, limit: '10mb' }))
registerRoutes(app, contract, pattern)
app.use('/mounted', registerRoutes(express.Router(), contract, pattern))
app.use('/handled', (error: unknown, _req: Request, res: Response, _next: NextFunction) => {
  void sendByExpress(res, errorReply(error))
})

const { port, host } = address()
serveSockets(app.listen(port, host), contract)
