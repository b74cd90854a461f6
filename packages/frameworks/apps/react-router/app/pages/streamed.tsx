import { setTimeout as sleep } from 'node:timers/promises'
import { Suspense } from 'react'
import { Await, type LoaderFunctionArgs, useLoaderData } from 'react-router'
import { read, write } from '../database.server.ts'

const LATER_MS = 100

/** A promise that is not awaited: the page is sent before it settles. Before that a write may be swallowed. */
export async function loader({ url }: LoaderFunctionArgs) {
  if (url.searchParams.has('swallow')) await write(url).catch(() => {})
  const later = async (): Promise<string> => {
    await sleep(LATER_MS)
    return url.searchParams.has('write') ? await write(url) : await read()
  }
  return { later: later() }
}

export default function Streamed() {
  const { later } = useLoaderData<typeof loader>()
  return (
    <Suspense fallback={<p>the shell</p>}>
      <Await resolve={later}>{(text) => <p>later in {text}</p>}</Await>
    </Suspense>
  )
}
