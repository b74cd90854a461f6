import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../apps/next/', import.meta.url))
const next = `${folder}node_modules/next/dist/bin/next`

/**
 * How to run the app that Next has built.
 *
 * @param first who serves its requests first: the hook of its instrumentation.ts, or its proxy.ts alone
 * @param command another program than `next start`, in the app's folder
 */
export function onNext(
  first: 'server' | 'proxy',
  command: readonly string[] = [next, 'start', '-H', '127.0.0.1'],
): {
  readonly command: readonly [string, ...string[]]
  readonly cwd: string
  readonly env: Readonly<Record<string, string>>
} {
  return {
    command: [process.execPath, ...command],
    cwd: folder,
    env: { NEXT_TELEMETRY_DISABLED: '1', NEXT_FLYBACK: first },
  }
}
