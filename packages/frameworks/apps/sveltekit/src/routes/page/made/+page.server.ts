import { error, redirect, type ServerLoad } from '@sveltejs/kit'
import { write } from '../../../lib/database.ts'

/** Answers other than a plain page, with a write before them when it is asked to. */
export const load: ServerLoad = async ({ url, cookies, setHeaders }) => {
  cookies.set('made', 'yes', { path: '/' })
  setHeaders({ 'cache-control': 'max-age=60' })
  if (url.searchParams.has('id')) await write(url)
  if (url.searchParams.has('redirect')) redirect(303, '/page/read')
  if (url.searchParams.has('missing')) error(410, 'gone')
  if (url.searchParams.has('broken')) throw new Error('broken in a load')
}
