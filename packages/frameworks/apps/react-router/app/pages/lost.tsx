import { type LoaderFunctionArgs, useLoaderData } from 'react-router'
import { writeLost } from '../database.server.ts'

export async function loader({ url }: LoaderFunctionArgs) {
  return { region: await writeLost(url) }
}

export default function Lost() {
  return <p>written in {useLoaderData<typeof loader>().region}</p>
}
