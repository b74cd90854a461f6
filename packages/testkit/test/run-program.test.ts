import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { freePort } from '../src/free-port.js'
import { runProgram } from '../src/handler/run-program.js'

/** Answers with its pid, and ends with no signal but SIGKILL. */
const SERVER = `
  process.on('SIGTERM', () => undefined)
  require('node:http').createServer((_q, s) => s.end(String(process.pid))).listen(process.env.PORT)`

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function pidOf(port: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${port}/`)).text())
}

test('rule 23: a program ends with whoever started it, also when that is killed', async () => {
  const port = await freePort()
  const module = new URL('../src/handler/run-program.ts', import.meta.url).href
  const options = {
    name: 'server',
    command: [process.execPath, '-e', SERVER],
    env: {},
    port,
    readyPath: '/',
  }
  const starter = `
    const { runProgram } = await import(${JSON.stringify(module)})
    await runProgram(${JSON.stringify(options)})
    console.log('up')`
  const started = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(started.stdout, 'data')
  const pid = await pidOf(port)
  expect(isAlive(pid)).toBe(true)
  started.kill('SIGKILL')
  await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false)
})

test('a program that ends before it answers is told with what it wrote', async () => {
  const script = 'console.error("no such table"); process.exit(1)'
  const starting = runProgram({
    name: 'server',
    command: [process.execPath, '-e', script],
    env: {},
    port: await freePort(),
    readyPath: '/',
  })
  await expect(starting).rejects.toThrow(/server does not answer\n.*no such table/s)
})
