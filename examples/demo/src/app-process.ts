import { type ChildProcess, spawn } from 'node:child_process'
import { connect, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'

/** The app ends with us, even when we are killed; it knows nothing of that. */
const END_WITH_PARENT =
  'data:text/javascript,process.on("disconnect",()=>process.exit());process.channel.unref()'
const START_TIMEOUT_MS = 15_000

/** One copy of the app, as its own process. */
export interface AppProcess extends AsyncDisposable {
  readonly host: string
  readonly port: number
}

export interface AppOptions {
  /** The file to run. */
  readonly server: URL
  readonly host: string
  readonly env: Readonly<Record<string, string>>
}

/** Starts an example app with an environment, and waits until it listens. */
export async function startApp({ server, host, env }: AppOptions): Promise<AppProcess> {
  const port = await freePort(host)
  const { PATH } = process.env
  const child = spawn(process.execPath, ['--import', END_WITH_PARENT, fileURLToPath(server)], {
    env: { ...(PATH && { PATH }), NODE_ENV: 'production', ...env, HOST: host, PORT: String(port) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    detached: true, // Ctrl-C in the terminal is for us to handle
  })
  let complaint = ''
  child.stderr?.on('data', (text: Buffer) => {
    complaint += text.toString()
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM')
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000)
    await ended
    clearTimeout(timer)
  }
  if (!(await listens(host, port, child))) {
    await end()
    throw new Error(`The example app did not start:\n${complaint}`)
  }
  return { host, port, [Symbol.asyncDispose]: end }
}

async function listens(host: string, port: number, child: ChildProcess): Promise<boolean> {
  const deadlineMs = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadlineMs && child.exitCode === null && child.signalCode === null) {
    if (await accepts(host, port)) return true
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  return false
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

async function freePort(host: string): Promise<number> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject)
    probe.listen(0, host, resolve)
  })
  const address = probe.address()
  await new Promise((resolve) => probe.close(resolve))
  if (address === null || typeof address === 'string') throw new Error(`no free port on ${host}`)
  return address.port
}
