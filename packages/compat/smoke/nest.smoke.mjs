import assert from 'node:assert/strict'
import { FlybackModule, FlybackPolicy } from '@flyback/http/nest'
import { Pool, runOnPrimary } from '@flyback/pg'
import { Controller, Get, Module, Post } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { INSERT, WHO } from './check.mjs'

const pool = new Pool()

class Items {
  async who() {
    return (await pool.query(WHO)).rows[0]
  }
  async write() {
    await pool.query(INSERT)
  }
  async forward() {
    await runOnPrimary(() => pool.query(INSERT))
    return 'written'
  }
}
const handlers = {
  who: [Post('who'), FlybackPolicy('attempt')],
  write: [Get('write')],
  forward: [Get('forward')],
}
for (const [name, decorators] of Object.entries(handlers)) {
  const descriptor = Object.getOwnPropertyDescriptor(Items.prototype, name)
  for (const decorate of decorators) decorate(Items.prototype, name, descriptor)
}
Controller()(Items)

class AppModule {
  name = 'smoke'
}
Module({ imports: [FlybackModule.forRoot()], controllers: [Items] })(AppModule)

const app = await NestFactory.create(AppModule, { logger: ['error'] })
await app.listen(0, '127.0.0.1')
const url = await app.getUrl()
const method = 'POST'
assert.deepEqual(await (await fetch(`${url}/who`, { method })).json(), { standby: true })
for (const refused of [await fetch(`${url}/write`), await fetch(url, { method })]) {
  assert.equal(refused.status, 409)
  assert.match(refused.headers.get('fly-replay'), /region=ewr/)
}
assert.equal(await (await fetch(`${url}/forward`)).text(), 'written')
await app.close()
await pool.end()
console.log('ok')
