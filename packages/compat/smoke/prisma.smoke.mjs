import { createRequire } from 'node:module'
import * as flyback from '@flyback/prisma'
import { check, NAME, WHO } from './check.mjs'

// Prisma's generator writes CommonJS here.
const { PrismaClient } = createRequire(import.meta.url)('./generated/index.js')
const prisma = new PrismaClient({ adapter: new flyback.PrismaFlyback() }).$extends(
  flyback.flybackExtension(),
)
await check(flyback, {
  read: async () => (await prisma.$queryRawUnsafe(WHO))[0].standby,
  write: () => prisma.item.create({ data: { name: NAME } }),
  end: () => prisma.$disconnect(),
})
