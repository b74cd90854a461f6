import { ReplayRequired } from '@flyback/http/next'
import type { ReactNode } from 'react'
import { effect, idOf, type PageProps, region } from '../../../lib/effect'

/** Throws as a driver does that has lost the async context. */
export default async function Page(props: PageProps): Promise<ReactNode> {
  const id = await idOf(props)
  if (region === 'iad') {
    throw new ReplayRequired({ region: 'ewr', reason: 'write', replayable: true })
  }
  await effect(id)
  return <p>{`written in ${region}`}</p>
}
