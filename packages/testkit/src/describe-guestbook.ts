import { expect, test } from 'vitest'
import { type Example, runExample } from './run-example.js'
import { sharedLab } from './shared-lab.js'

/** An example that is the guestbook, with some driver and some framework. */
export interface Guestbook extends Example {
  /** It answers with pages of HTML, and its entries come from the form at `/`. @default false: with JSON, at `/entries` */
  readonly pages?: boolean
}

/**
 * Tests an example as it is published, in two regions of the lab: `GET /` reads here, `POST /entries` (or the form of `/`)
 * and `GET /visit` (which writes) run in the primary region, each once.
 */
export function describeGuestbook(example: Guestbook): void {
  test('the guestbook reads in its region and writes in the primary one', async () => {
    await using running = await runExample(example)
    const { url, database, records } = running
    const visitor = example.pages === true ? readPages(url) : readJson(url)
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
