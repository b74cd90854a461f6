import type { ServerLoad } from '@sveltejs/kit'

/** Calls an endpoint of the app itself, without the network, and does not look at what it answers. */
export const load: ServerLoad = async ({ url, fetch }) => {
  const method = url.searchParams.get('method') ?? 'GET'
  const path = method === 'POST' ? '/write' : '/thrown'
  const response = await fetch(`${path}?id=${url.searchParams.get('id')}`, { method })
  const answer: unknown = response.ok ? await response.json() : undefined
  return { region: Object(answer).region ?? 'nowhere' }
}
