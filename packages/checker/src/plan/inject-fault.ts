import type { World } from '../world/world.ts'
import type { FailoverStep, FaultStep } from './step.ts'

/** Does a step to the cluster. Rejects when it cannot be done as things are, and then has done nothing or a part of it. */
export async function injectFault(
  world: World,
  step: FaultStep,
  region: string,
  loseWrite: (client: number) => Promise<void>,
): Promise<void> {
  const { lab } = world
  switch (step.type) {
    case 'cut':
      return world.cut(region)
    case 'heal':
      return world.heal(region)
    case 'slow':
      return await lab.slow(region, step.delayMs)
    case 'restart':
      await lab.stop(region)
      return await lab.start(region)
    case 'freeze':
    case 'resume':
      return await lab[step.type](region)
    case 'clone':
      // What is cloned and what it is cloned from have to see each other.
      if (world.reaches(lab.primaryRegion, region)) await lab.clone(region)
      return
    case 'failover':
      if (region !== lab.primaryRegion) await failOver(world, step, region, loseWrite)
  }
}

async function failOver(
  world: World,
  { loses, isLonger, old: becomes, redeploys }: FailoverStep,
  region: string,
  loseWrite: (client: number) => Promise<void>,
): Promise<void> {
  const { lab } = world
  const old = lab.primaryRegion
  // Whoever is cut off cannot be made anew, which a failover does where it has to.
  for (const other of lab.regions) world.heal(other)
  if (loses !== undefined) {
    world.cut(old)
    await loseWrite(loses)
    if (isLonger) await world.query(old, 'select pg_switch_wal()')
  }
  try {
    await lab.promote(region)
  } finally {
    world.heal(old)
  }
  if (becomes === 'fresh') await lab.start(old)
  else if (becomes !== 'gone') await world.startAsItWas(old, becomes)
  if (redeploys) await world.deploy()
}

/** A fault in words. */
export function describeFault(
  { place, type, ...rest }: FaultStep,
  places: readonly string[],
): string {
  const more = Object.entries(rest).filter(([, value]) => value !== undefined)
  return [type, places[place], ...more.map(([name, value]) => `${name}=${value}`)].join(' ')
}
