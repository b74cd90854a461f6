import { data, type LoaderFunctionArgs, redirect } from 'react-router'
import { write } from '../database.server.ts'

const headers = { 'set-cookie': 'made=yes; Path=/' }

/** Answers other than a plain page, with a write before them when it is asked to. */
export async function loader({ url }: LoaderFunctionArgs) {
  if (url.searchParams.has('id')) await write(url)
  if (url.searchParams.has('redirect')) throw redirect('/page/read', { headers })
  if (url.searchParams.has('missing')) throw data('gone', { status: 410 })
  if (url.searchParams.has('broken')) throw new Error('broken in a loader')
  return data({ made: true }, { status: 201, headers })
}

export { routeHeaders as headers } from '../route-headers.ts'

export default function Made() {
  return <p>made</p>
}
