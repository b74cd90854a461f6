import { type History, writes } from '../history/history.ts'

/** A write that an app was told is committed. */
export interface Acknowledged {
  readonly tag: string
  readonly request: number
  readonly endMs: number
}

export function acknowledged({ requests }: History): Acknowledged[] {
  return requests.flatMap(({ id, deliveries }) =>
    deliveries.flatMap(writes).flatMap(({ tag, outcome, endMs }) => {
      const isSure = outcome === 'done' && tag !== undefined && endMs !== undefined
      return isSure ? [{ tag, request: id, endMs }] : []
    }),
  )
}
