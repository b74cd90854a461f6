import { flyback } from '@flyback/http/express'
import { flybackExtension, PrismaFlyback } from '@flyback/prisma'
import express from 'express'
import { PrismaClient } from '../generated/client.ts'

// The guestbook with Prisma and Express. Nothing in it knows about regions: both read the environment.
const prisma = new PrismaClient({ adapter: new PrismaFlyback() }).$extends(flybackExtension())
const app = express()
app.use(flyback())
app.use(express.json())

app.get('/', async (_req, res) => {
  const entries = await prisma.entry.findMany({
    select: { author: true, message: true },
    orderBy: { id: 'desc' },
    take: 5,
  })
  const tally = await prisma.tally.findMany({ orderBy: { name: 'asc' } })
  res.json({ region: process.env.FLY_REGION, entries, tally })
})

app.post('/entries', async (req, res) => {
  const { author, message } = req.body
  const [, entry] = await prisma.$transaction([
    prisma.tally.update({ where: { name: 'entries' }, data: { count: { increment: 1 } } }),
    prisma.entry.create({ data: { author, message } }),
  ])
  res.status(201).json({ region: process.env.FLY_REGION, id: entry.id })
})

// A read by its method, a write by what Prisma knows of it: refused before anything is sent.
app.get('/visit', async (_req, res) => {
  const { count } = await prisma.tally.update({
    where: { name: 'visits' },
    data: { count: { increment: 1 } },
  })
  res.json({ region: process.env.FLY_REGION, visits: count })
})

const server = app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1')

process.once('SIGTERM', () => {
  server.close(() => void prisma.$disconnect())
  server.closeIdleConnections()
})
