import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Run extends AsyncDisposable {
  readonly child: ChildProcess
  output(): string
  /** Files in its temp folder and processes that run in it or were told of it. */
  leftovers(): Promise<string[]>
}

/** Runs the demo with a temp folder of its own. */
async function runDemo(...args: string[]): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'flyback-demo-test-'))
  await chmod(folder, 0o711)
  const env = { ...process.env, TMPDIR: folder, NO_COLOR: '1' }
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (text) => (output += String(text)))
  return {
    child,
    output: () => output,
    leftovers: async () => [...(await readdir(folder)), ...(await processesOf(folder))],
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function processesOf(folder: string): Promise<string[]> {
  const found: string[] = []
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => '')
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (`${cwd} ${command}`.includes(folder)) found.push(command.replaceAll('\0', ' '))
  }
  return found
}

test('rule 23: the demo tells what happened in every region, ends with 0 and leaves nothing', {
  timeout: 90_000,
}, async () => {
  await using demo = await runDemo()
  const [code] = await once(demo.child, 'exit')
  const output = demo.output()
  expect(code, output).toBe(0)
  expect(output).toMatch(/ewr +POST \/entries +201 .* answered by the member in ewr/)
  expect(output).toMatch(/iad +GET +\/ +200 .* answered by the member in iad .*member in ewr/)
  expect(output).toMatch(/syd +POST \/entries +201 .* replayed in ewr: unsafe method/)
  expect(output).toMatch(/syd +GET +\/visit +200 .* replayed in ewr: refused as a write/)
  expect(output).toMatch(/syd.*faster.*faster/)
  expect(output).not.toContain('\u001B[')
  await expect.poll(() => demo.leftovers(), { timeout: 10_000 }).toEqual([])
})

test.each([
  ['while it boots', /cloning/, []],
  ['while it stays up', /Ctrl-C ends it/, ['--keep']],
])(
  'rule 23: the demo leaves nothing after Ctrl-C: %s',
  { timeout: 90_000 },
  async (_when, moment, args) => {
    await using demo = await runDemo(...args)
    const exited = once(demo.child, 'exit')
    await expect.poll(() => demo.output(), { timeout: 60_000 }).toMatch(moment)
    demo.child.kill('SIGINT')
    const [code] = await exited
    expect(code, demo.output()).toBe(0)
    await expect.poll(() => demo.leftovers(), { timeout: 10_000 }).toEqual([])
  },
)
