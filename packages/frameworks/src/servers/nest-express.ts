import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import compression from 'compression'
import { createContractApp } from '../app/index.ts'
import { contractModule } from './nest-module.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const pattern = (path: string): string => path.replace('*', '*rest')
const contract = createContractApp()
const root = contractModule(contract, pattern)
const app = await NestFactory.create<NestExpressApplication>(root, { bodyParser: false })
app.use(compression())
app.useBodyParser('raw', { type: () => true, limit: '10mb' })

const { port, host } = address()
await app.listen(port, host)
serveSockets(app.getHttpServer(), contract)
