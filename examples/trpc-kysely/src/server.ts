import { findReplayRequired, flyback } from '@flyback/http/express'
import { createExpressMiddleware } from '@trpc/server/adapters/express'
import express from 'express'
import { appRouter, db } from './router.ts'

const app = express()
// Queries come by POST, too: a client with many of them in one batch sends them so. The router knows which is which.
app.use(flyback({ routes: [{ path: '/trpc/*', policy: 'attempt' }] }))
app.use(
  '/trpc',
  createExpressMiddleware({
    router: appRouter,
    allowMethodOverride: true,
    onError({ error, path }) {
      // A refused write is no failure: the whole request runs again in the primary region.
      if (!findReplayRequired(error)) console.error(path, error)
    },
  }),
)

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void db.destroy())
  server.closeIdleConnections()
})
