import color from 'picocolors'
import { tellStory } from './story.ts'
import { printHead, printIntroduction, printMoral, printStep } from './transcript.ts'
import { startWorlds } from './world.ts'

const interrupted = new AbortController()
const { signal } = interrupted
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => interrupted.abort())
}

async function main(): Promise<void> {
  const onProgress = (text: string): void => console.log(color.dim(`  ${text}`))
  await using worlds = await startWorlds({ onProgress, signal })
  printIntroduction(worlds)
  await tellStory(worlds, {
    begins: printHead,
    step(step) {
      signal.throwIfAborted()
      printStep(step)
    },
    ends: printMoral,
  })
  console.log()
}

await main().catch((error: unknown) => {
  if (!signal.aborted) throw error
})
