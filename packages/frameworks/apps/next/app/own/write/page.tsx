import type { ReactNode } from 'react'
import { effect, idOf, type PageProps, region } from '../../../lib/effect'

export default async function Page(props: PageProps): Promise<ReactNode> {
  await effect(await idOf(props))
  return <p>{`written in ${region}`}</p>
}
