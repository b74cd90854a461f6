import { notFound } from 'next/navigation'
import type { ReactNode } from 'react'
import { effect, idOf, type PageProps } from '../../../lib/effect'

export default async function Page(props: PageProps): Promise<ReactNode> {
  await effect(await idOf(props)).catch(() => undefined)
  notFound()
}
