import { flyback } from '@flyback/http/express'
import compression from 'compression'
import express, { type NextFunction, type Request, type Response, type Router } from 'express'
import { createContractApp, errorReply } from '../app/index.ts'
import { address, askOf, sendReply } from './node-exchange.ts'

const contract = createContractApp()
const app = express()
app.use(compression())
app.use(flyback(contract.options))
app.use(express.raw({ type: () => true, limit: '10mb' }))

function register(router: Router): Router {
  for (const { method, path, handle } of contract.routes) {
    const verb = method.toLowerCase() as Lowercase<typeof method>
    router[verb](path.replace('*', '*rest'), async (req: Request, res: Response) => {
      const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
      await sendReply(res, await handle(askOf(req, async () => body)))
    })
  }
  return router
}

register(app)
app.use('/mounted', register(express.Router()))

app.use('/handled', (error: unknown, _req: Request, res: Response, _next: NextFunction) =>
  sendReply(res, errorReply(error)),
)

const { port, host } = address()
app.listen(port, host)
