import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createMachineTable, type EdgeRecord, startEdge } from '@flyback/lab'
import { expect, test } from 'vitest'
import { freePort } from './regions.js'
import { sharedLab } from './shared-lab.js'

/** An example: the guestbook, with some driver and some framework, in a file of its own. */
export interface Guestbook {
  /** The file to run. */
  readonly server: URL
  /** Its arguments. @default none */
  readonly args?: readonly string[]
  /** Further variables of its environment. @default none */
  readonly env?: Readonly<Record<string, string>>
  /** The file with its tables. */
  readonly schema: URL
  /** It answers with pages of HTML, and its entries come from the form at `/`. @default false: with JSON, at `/entries` */
  readonly pages?: boolean
}

/** Runs a server in a process of its own, until it answers. */
async function run(
  { server, args = [], env: own }: Guestbook,
  env: Record<string, string>,
): Promise<AsyncDisposable> {
  const child = spawn(process.execPath, [server.pathname, ...args], {
    env: { PATH: process.env['PATH'] ?? '', NODE_ENV: 'production', ...own, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = new Promise((resolve) => child.once('exit', resolve))
  const status = () =>
    fetch(`http://127.0.0.1:${env['PORT']}/`).then(
      (response) => response.status,
      () => 0,
    )
  await expect.poll(status, { timeout: 15_000 }).toBe(200)
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      await exited
    },
  }
}

/**
 * Tests an example as it is published, in two regions of the lab: `GET /` reads here, `POST /entries` (or the form of `/`)
 * and `GET /visit` (which writes) run in the primary region, each once.
 */
export function describeGuestbook(example: Guestbook): void {
  test('the guestbook reads in its region and writes in the primary one', async () => {
    const schema = readFileSync(example.schema, 'utf8')
    await using database = await sharedLab().createDatabase({ schema })
    const ports = { ewr: await freePort(), iad: await freePort() }
    const machines = createMachineTable()
    const records: EdgeRecord[] = []
    const env = (region: 'ewr' | 'iad') => ({
      ...database.env(region),
      PORT: String(ports[region]),
    })
    await using _ewr = await run(example, env('ewr'))
    await using _iad = await run(example, env('iad'))
    for (const [region, port] of Object.entries(ports))
      machines.add({ id: region, region, host: '127.0.0.1', port })
    await using edge = await startEdge({
      region: 'iad',
      machines,
      onRequest: (record) => records.push(record),
    })
    const visitor = example.pages === true ? readPages(edge.url) : readJson(edge.url)
    const entry = { author: 'Ada', message: 'hello' }

    expect(await visitor.ask('/')).toEqual({ region: 'iad', entries: [] })
    expect(await visitor.sign(entry)).toBe('ewr')
    expect(await visitor.ask('/visit')).toMatchObject({ region: 'ewr' })

    expect(await database.query('ewr', 'writer', 'select author, message from entry')).toEqual([
      entry,
    ])
    expect(
      await database.query('ewr', 'writer', 'select name, count::int from tally order by name'),
    ).toEqual([
      { name: 'entries', count: 1 },
      { name: 'visits', count: 1 },
    ])
    await expect.poll(() => records.map((record) => record.hops.length)).toEqual([1, 2, 2])
    await sharedLab().caughtUp()
    expect(await visitor.ask('/')).toEqual({ region: 'iad', entries: [entry] })
  })
}

interface Entry {
  readonly author: string
  readonly message: string
}

/** What a visitor can do and see; whatever is asked for tells the region that made it. */
interface Visitor {
  ask(path: string): Promise<{ readonly region: unknown; readonly entries: unknown }>
  sign(entry: Entry): Promise<unknown>
}

async function send(url: string, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  expect(response.ok).toBe(true)
  return response
}

function readJson(url: string): Visitor {
  return {
    async ask(path) {
      const { region, entries } = Object(await (await send(`${url}${path}`)).json())
      return { region, entries }
    },
    async sign(entry) {
      const headers = { 'content-type': 'application/json' }
      const init = { method: 'POST', headers, body: JSON.stringify(entry) }
      const { region, id } = Object(await (await send(`${url}/entries`, init)).json())
      expect(id).toBe(1)
      return region
    },
  }
}

/** As a browser without JavaScript. */
function readPages(url: string): Visitor {
  const headers = { accept: 'text/html', origin: url }
  /** The form of the page last seen: where it goes to, as what, and the fields that a visitor does not see. */
  let action = '/'
  let isMultipart = false
  let hidden: [string, string][] = []
  async function read(page: Response): ReturnType<Visitor['ask']> {
    // Frameworks put comments between texts.
    const html = (await page.text()).replaceAll(/<!--.*?-->/g, '')
    const [form = ''] = /<form .*?<\/form>/s.exec(html) ?? []
    action = /<form [^>]*action="([^"]*)"/.exec(form)?.[1] ?? '/'
    isMultipart = /<form [^>]*multipart\/form-data/i.test(form)
    hidden = [...form.matchAll(/<input type="hidden" name="([^"]*)"/g)].map(([, name = '']) => [
      name,
      '',
    ])
    const [, region] = /made in (\w+)/.exec(html) ?? []
    const entries = [...html.matchAll(/<li>(.*?): (.*?)<\/li>/g)].map(([, author, message]) => ({
      author,
      message,
    }))
    return { region, entries }
  }
  return {
    ask: async (path) => read(await send(`${url}${path}`, { headers })),
    async sign(entry) {
      const body = isMultipart ? new FormData() : new URLSearchParams()
      for (const [name, value] of [...hidden, ...Object.entries(entry)]) body.append(name, value)
      const page = await read(await send(`${url}${action}`, { method: 'POST', headers, body }))
      expect(page.entries).toEqual([entry])
      return page.region
    },
  }
}
