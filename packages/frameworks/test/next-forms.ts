import type { Answer, Host } from '@flyback/testkit'

/** A form whose action is a server action. */
export interface Submission {
  /** The `id` of the form in its page. */
  readonly name: string
  /** The page that has the form. */
  readonly path: string
  /** What its one field is filled with. */
  readonly id: string
  readonly by: 'a browser without scripts' | 'the router'
}

type Fields = readonly (readonly [name: string, value: string])[]

/** The router's state: it wants the whole page. */
const TREE = encodeURIComponent(JSON.stringify(['', {}, null, null, true]))

/**
 * Submits a form at iad as React does: with the name of its action in a field of the form; or, from a page that is hydrated,
 * with that name in a header, and the form as the first of the action's arguments.
 */
export async function submit(host: Host, { name, path, id, by }: Submission): Promise<Answer> {
  const page = (await host.send('iad', path)).text()
  const form = new RegExp(`<form[^>]*id="${name}".*?ACTION_ID_([0-9a-f]+)`, 's').exec(page)
  const action = form?.[1]
  if (action === undefined) throw new Error(`${path} has no form ${name}`)
  const plain: Fields = [
    [`$ACTION_ID_${action}`, ''],
    ['id', id],
  ]
  if (by !== 'the router') return await post(host, path, plain, {})
  const reply: Fields = [
    ['_1_id', id],
    ['0', '["$K1"]'],
  ]
  const headers = { 'next-action': action, 'next-router-state-tree': TREE }
  return await post(host, path, reply, { ...headers, accept: 'text/x-component' })
}

async function post(
  host: Host,
  path: string,
  fields: Fields,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  const form = new FormData()
  for (const [name, value] of fields) form.append(name, value)
  const encoded = new Response(form)
  const body = new Uint8Array(await encoded.arrayBuffer())
  const type = encoded.headers.get('content-type') ?? ''
  const sent = { method: 'POST', headers: { ...headers, 'content-type': type }, body }
  return await host.send('iad', path, sent)
}
