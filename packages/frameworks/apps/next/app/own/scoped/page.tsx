import { withFlybackScope } from '@flyback/http/next'
import type { ReactNode } from 'react'
import { effect, idOf, type PageProps, region } from '../../../lib/effect'

export default withFlybackScope(async (props: PageProps): Promise<ReactNode> => {
  await effect(await idOf(props))
  return <p>{`written in ${region}`}</p>
})
