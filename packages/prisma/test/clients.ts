import type * as current from '../node_modules/.generated/client/index.js'
import { generateClients } from './generate-clients.js'

generateClients()

const folder = new URL('../node_modules/.generated/', import.meta.url)
const client: typeof current = await import(new URL('client/index.js', folder).href)
const oldest: typeof current = await import(new URL('client-7.0/index.js', folder).href)

/** The generated client of the installed Prisma. */
export const PrismaClient: typeof current.PrismaClient = client.PrismaClient
export type PrismaClient = current.PrismaClient
export type { Prisma } from '../node_modules/.generated/client/index.js'

/** The same client on Prisma 7.0; tests use nothing that its types have differently. */
export const OldestPrismaClient: typeof current.PrismaClient = oldest.PrismaClient
