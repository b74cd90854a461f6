import { Outlet, useLoaderData } from 'react-router'
import { read } from '../database.server.ts'

export async function loader() {
  return { read: await read() }
}

export default function PageLayout() {
  return (
    <main>
      <p>read in {useLoaderData<typeof loader>().read}</p>
      <Outlet />
    </main>
  )
}
