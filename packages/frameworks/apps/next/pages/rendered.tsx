import type { GetServerSideProps } from 'next'
import type { ReactNode } from 'react'
import { effect, region } from '../lib/effect'

interface Props {
  readonly where: string
}

export const getServerSideProps: GetServerSideProps<Props> = async ({ query }) => {
  await effect(String(query['id']))
  return { props: { where: region } }
}

export default function Page({ where }: Props): ReactNode {
  return <p>{`rendered in ${where}`}</p>
}
