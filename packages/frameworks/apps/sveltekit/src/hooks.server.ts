import { flyback, flybackErrors } from '@flyback/http/sveltekit'
import { type Handle, sequence } from '@sveltejs/kit/hooks'
import { building } from '$app/env'
import { contract } from './lib/contract.ts'
import { write } from './lib/database.ts'

/** A handle of the app's own: what it adds belongs to pages, and what it writes is a write like any other. */
const mine: Handle = async ({ event, resolve }) => {
  // A page that is built has no query.
  if (building) return await resolve(event)
  if (event.url.searchParams.has('before')) await write(event.url)
  const response = await resolve(event)
  if (event.url.searchParams.has('after')) await write(event.url)
  if (event.url.pathname.startsWith('/page/')) response.headers.set('x-mine', 'yes')
  return response
}

export const handle: Handle = sequence(
  flyback({
    ...contract.options,
    routes: [
      ...(contract.options.routes ?? []),
      { path: '/page/forwarded', policy: 'forward' },
      { match: ({ params }) => params['policy'] === 'attempted', policy: 'attempt' },
    ],
  }),
  mine,
)

export const handleError = flybackErrors(({ kind, error }) => {
  if (kind === 'unknown') console.error(error)
})
