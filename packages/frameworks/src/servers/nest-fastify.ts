import compress from '@fastify/compress'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify'
import { createContractApp } from '../app/index.ts'
import { contractModule } from './nest-module.ts'
import { address } from './node-exchange.ts'
import { serveSockets } from './serve-sockets.ts'

const contract = createContractApp()
const root = contractModule(contract, (path) => path)
const adapter = new FastifyAdapter({ bodyLimit: 10_000_000 })
const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { bodyParser: false })
await app.register(compress)
adapter.getInstance().removeAllContentTypeParsers()
app.useBodyParser('*')

const { port, host } = address()
await app.listen(port, host)
serveSockets(app.getHttpServer(), contract)
