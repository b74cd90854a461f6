import { type LoaderFunctionArgs, useLoaderData } from 'react-router'
import { write } from '../database.server.ts'

export async function loader({ url }: LoaderFunctionArgs) {
  return { region: await write(url) }
}

export default function Written() {
  return <p>written in {useLoaderData<typeof loader>().region}</p>
}

export function ErrorBoundary() {
  return <p>the boundary of the page</p>
}
