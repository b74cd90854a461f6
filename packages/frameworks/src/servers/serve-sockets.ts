import type { Server } from 'node:http'
import { withFlybackUpgrade } from '@flyback/http/node'
import { WebSocketServer } from 'ws'
import type { ContractApp } from '../app/index.ts'

/** Serves the contract's WebSockets on a server of Node, whatever else serves its requests. */
export function serveSockets(
  server: Server,
  { options, sockets }: Pick<ContractApp, 'options' | 'sockets'>,
): void {
  const accepting = new WebSocketServer({ noServer: true })
  const upgrade = withFlybackUpgrade(async (req, socket, head) => {
    const hello = await sockets.greet({ url: req.url ?? '/' })
    accepting.handleUpgrade(req, socket, head, (connection) => {
      connection.on('message', async (message: Buffer) => {
        connection.send(await sockets.answer(message.toString()))
      })
      connection.send(hello)
    })
  }, options)
  server.on('upgrade', upgrade)
}
