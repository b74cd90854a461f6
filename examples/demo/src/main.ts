import { parseArgs } from 'node:util'
import color from 'picocolors'
import {
  printIntroduction,
  printInvitation,
  printPair,
  printSummary,
  printVisitor,
} from './transcript.ts'
import { type Pair, planOf, visitBoth, warmUp } from './visits.ts'
import { REGIONS, startWorlds } from './world.ts'

const { values } = parseArgs({
  options: { keep: { type: 'boolean', default: false }, help: { type: 'boolean', short: 'h' } },
})
if (values.help) {
  console.log('demo [--keep]   three regions on this machine; --keep leaves them up to try by hand')
  process.exit(0)
}

const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => interrupted.abort())
}

const startedMs = performance.now()
function progress(text: string): void {
  console.log(
    color.dim(`  ${((performance.now() - startedMs) / 1000).toFixed(1).padStart(4)} s  ${text}`),
  )
}

async function main(): Promise<void> {
  await using worlds = await startWorlds(progress, interrupted.signal)
  progress('opening connections')
  await warmUp(worlds, interrupted.signal)
  printIntroduction(worlds)
  const pairs: Pair[] = []
  for (const region of REGIONS) {
    printVisitor(region, worlds.lab.primaryRegion)
    for (const step of planOf(region)) {
      const pair = await visitBoth(worlds, { region, step, signal: interrupted.signal })
      pairs.push(pair)
      printPair(pair)
    }
  }
  printSummary(pairs)
  if (!values.keep) return
  printInvitation(worlds)
  await new Promise((resolve) => {
    interrupted.signal.addEventListener('abort', resolve)
  })
}

await main().catch((error: unknown) => {
  if (!interrupted.signal.aborted) throw error
})
if (interrupted.signal.aborted) console.log('\nEnded; nothing is left running.')
