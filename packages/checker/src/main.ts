import { parseArgs } from 'node:util'
import color from 'picocolors'
import { BROKEN_RULES } from './broken/broken-rules.ts'
import { check } from './check.ts'
import { Count } from './count.ts'
import { printHistory } from './history/print-history.ts'
import { MIXED } from './plan/any-plan.ts'
import { World } from './world/world.ts'

const HELP = `check:consistency   random histories on three regions, with faults; every promise verified

  --minutes n     how long; without it 20 histories
  --histories n   how many
  --seed n        the same plans again; --path p begins at the failure
  --break rule    breaks a rule on purpose, and looks until that is found: ${Object.keys(BROKEN_RULES).join(', ')}
  --verbose       prints every history`

const PROGRESS_MS = 5000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    histories: { type: 'string' },
    seed: { type: 'string' },
    path: { type: 'string' },
    break: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
})

function number(name: 'minutes' | 'histories' | 'seed'): number | undefined {
  const text = values[name]
  if (text === undefined) return undefined
  const value = Number(text)
  if (!Number.isFinite(value)) throw new Error(`--${name} ${text} is not a number`)
  return value
}

async function main(): Promise<boolean> {
  const rule = values.break === undefined ? undefined : BROKEN_RULES[values.break]
  if (values.break !== undefined && rule === undefined) {
    throw new Error(`--break ${values.break} is none of ${Object.keys(BROKEN_RULES).join(', ')}`)
  }
  const minutes = number('minutes')
  const seed = number('seed') ?? Math.floor(Math.random() * 2 ** 31)
  const histories = number('histories') ?? (minutes === undefined ? 20 : 1_000_000)
  const count = new Count()
  const beganMs = performance.now()
  let shownMs = beganMs
  const progress = (text: string): void => {
    const seconds = (performance.now() - beganMs) / 1000
    console.log(color.dim(`  ${seconds.toFixed(1).padStart(6)} s  ${text}`))
  }

  await using world = await World.open()
  world.use(rule?.world)
  progress(`seed ${seed}`)
  using _broken = rule?.break?.()
  const finding = await check(world, {
    profile: rule?.profile ?? MIXED,
    seed,
    path: values.path,
    histories,
    ...(minutes !== undefined && { limitMs: minutes * 60_000 }),
    onHistory(history, violations) {
      count.add(history)
      if (values.verbose) console.log(printHistory(history, violations))
      if (performance.now() - shownMs < PROGRESS_MS) return
      shownMs = performance.now()
      progress(count.toString())
    },
  })
  progress(count.toString())
  if (finding === undefined) {
    console.log(
      rule === undefined
        ? color.green('Every promise was kept.')
        : color.red(`Not found: ${rule.what}.`),
    )
    return rule === undefined
  }
  console.log(`\n${printHistory(finding.history, finding.violations)}`)
  const again = `--seed ${finding.seed} --path ${finding.path}${rule === undefined ? '' : ` --break ${values.break}`}`
  console.log(
    `\n${rule === undefined ? color.red('A promise was not kept.') : color.green(`Found: ${rule.what}.`)} Again: pnpm check:consistency ${again}`,
  )
  return rule !== undefined
}

if (values.help) console.log(HELP)
else if (!(await main())) process.exitCode = 1
