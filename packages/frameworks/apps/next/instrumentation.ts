import { registerFlyback } from '@flyback/http/next'

/** `NEXT_FLYBACK` names who serves requests first: this hook, a server of our own (server.ts), or proxy.ts alone. */
export async function register(): Promise<void> {
  if (process.env.NEXT_RUNTIME === 'edge' || process.env.NEXT_FLYBACK !== 'server') return
  const { contract } = await import('./lib/contract')
  await registerFlyback(contract.options)
}
