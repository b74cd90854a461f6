import type { Target } from './choose-machines.js'
import { EdgeError } from './edge-error.js'
import type { EdgeSettings } from './edge-options.js'
import type { Machine } from './machine-table.js'
import { isInArea } from './region-areas.js'
import type { Replay } from './replay.js'

/**
 * Where a replay goes, given the machine that issued it: its own app unless another is named.
 * An instance that is in the table but not in the app or regions named with it is an invalid combination; one that is not in
 * the table at all may have been stopped, and is looked for like any other target.
 *
 * @throws EdgeError PA03, PA04 or PA05
 * @see docs/lab-edge-rules.md
 */
export function resolveReplay(
  { machines, authorizeReplay }: EdgeSettings,
  issuer: Required<Machine>,
  replay: Replay,
): Target {
  const app = replay.app ?? issuer.app
  if (app !== issuer.app) {
    if (!machines.list().some(({ machine }) => machine.app === app)) throw new EdgeError('PA04')
    if (!authorizeReplay(issuer.app, app)) throw new EdgeError('PA05')
  }
  const { instance, preferInstance, regions, elsewhere } = replay
  const named = instance === undefined ? undefined : machines.find(instance)?.machine
  if (named) {
    if (named.app !== app) throw new EdgeError('PA03', 'the instance is not in the app')
    if (regions && !regions.some((name) => isInArea(named.region, name))) {
      throw new EdgeError('PA03', 'the instance is not in the region')
    }
    if (elsewhere && named.id === issuer.id) {
      throw new EdgeError('PA03', 'the instance is the one to avoid')
    }
  }
  return {
    app,
    ...(regions && { regions }),
    ...(instance !== undefined && { instance }),
    ...(preferInstance !== undefined && { preferInstance }),
    ...(elsewhere && { exclude: issuer.id }),
  }
}
