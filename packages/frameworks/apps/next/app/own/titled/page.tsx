import type { Metadata } from 'next'
import type { ReactNode } from 'react'
import { effect, idOf, type PageProps, region } from '../../../lib/effect'

export async function generateMetadata(props: PageProps): Promise<Metadata> {
  await effect(await idOf(props))
  return { title: `titled in ${region}` }
}

export default async function Page(props: PageProps): Promise<ReactNode> {
  await idOf(props)
  return <p>{`shown in ${region}`}</p>
}
