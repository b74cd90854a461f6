import { type LoaderFunctionArgs, type MiddlewareFunction, useLoaderData } from 'react-router'
import { read, write } from '../database.server.ts'

/** Writes before the loaders run, and fails after them when it is asked to. */
export const middleware: MiddlewareFunction<Response>[] = [
  async ({ url }, next) => {
    if (url.searchParams.has('before')) await write(url)
    const response = await next()
    if (url.searchParams.has('after')) await write(url)
    if (url.searchParams.has('broken')) throw new Error('broken in a middleware')
    return response
  },
]

export async function loader({ url }: LoaderFunctionArgs) {
  return { here: await read(), search: url.search }
}

export default function Guarded() {
  return <p>guarded in {useLoaderData<typeof loader>().here}</p>
}
