import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { BROKEN_RULES } from '../src/broken/broken-rules.ts'
import { check } from '../src/check.ts'
import { Count } from '../src/count.ts'
import { printHistory } from '../src/history/print-history.ts'
import { MIXED } from '../src/plan/any-plan.ts'
import { World } from '../src/world/world.ts'

/** As many as it takes a rule to be found many times over. */
const ENOUGH = 80
const MIXED_MS = 30_000
const TIMEOUT_MS = 120_000

let world: World

beforeAll(async () => {
  world = await World.open()
})
afterAll(() => world[Symbol.asyncDispose]())

test(
  'random histories keep every promise',
  async () => {
    world.use()
    const count = new Count()
    const seed = Math.floor(Math.random() * 2 ** 31)
    const finding = await check(world, {
      profile: MIXED,
      seed,
      histories: 1000,
      limitMs: MIXED_MS,
      onHistory: (history) => count.add(history),
    })
    if (finding !== undefined) {
      const again = `pnpm check:consistency --seed ${finding.seed} --path ${finding.path}`
      expect.fail(`${printHistory(finding.history, finding.violations)}\n\nAgain: ${again}`)
    }
    // It has seen something.
    expect(count.histories).toBeGreaterThan(3)
    expect(count.readsOfReplicas).toBeGreaterThan(10)
    expect(count.replays).toBeGreaterThan(5)
    expect(count.faults).toBeGreaterThan(5)
  },
  TIMEOUT_MS,
)

describe('histories show a rule that is broken on purpose', () => {
  test.each(Object.entries(BROKEN_RULES).map(([name, rule]) => ({ name, ...rule })))(
    '$name: $what',
    async (rule) => {
      world.use(rule.world)
      using _broken = rule.break?.()
      const finding = await check(world, {
        profile: rule.profile,
        seed: 1,
        histories: ENOUGH,
        shrinkMs: 0,
      })
      expect(rule.promises).toContain(finding?.violations[0]?.promise)
    },
    TIMEOUT_MS,
  )
})
