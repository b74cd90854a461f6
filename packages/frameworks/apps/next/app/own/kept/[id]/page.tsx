import type { ReactNode } from 'react'
import { effect, region } from '../../../../lib/effect'

export const revalidate = 60

/** None is made as Next builds: each is made, and kept, for the first request that asks for it. */
export function generateStaticParams(): { id: string }[] {
  return []
}

interface Props {
  readonly params: Promise<{ readonly id: string }>
}

/** Swallows its refusal if its name says so. */
export default async function Page({ params }: Props): Promise<ReactNode> {
  const { id } = await params
  const written = effect(id)
  await (id.startsWith('swallowed-') ? written.catch(() => undefined) : written)
  return <p>{`kept in ${region}`}</p>
}
