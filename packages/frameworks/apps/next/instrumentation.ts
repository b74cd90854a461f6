import { flybackErrors, registerFlyback } from '@flyback/http/next'
import type { Instrumentation } from 'next'

/** `NEXT_FLYBACK` names who serves requests first: this hook, or `proxy.ts` alone. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'edge' || process.env.NEXT_FLYBACK !== 'server') return
  const { contract } = await import('./lib/contract')
  await registerFlyback(contract.options)
}

export const onRequestError: Instrumentation.onRequestError = flybackErrors((error, { path }) => {
  console.error('reported:', path, error)
})
