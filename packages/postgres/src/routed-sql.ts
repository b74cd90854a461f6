import {
  createLink,
  type EndpointName,
  exposeRouting,
  hasRouting,
  PrimaryUnavailable,
} from '@flyback/core'
import { runOutsideScope } from '@flyback/core/scope'
import { type Driver, instance, type ParsedOptions } from './driver-internals.js'
import { createHandle, type Handle, type World } from './handle.js'
import { hidePassword } from './hide-password.js'
import { LaneSet } from './lane-set.js'
import { Listening } from './listening.js'
import type { RoutedPlan } from './plan-connections.js'
import { Work } from './work.js'

/** A short `writerDeadlineMs` must not keep a far writer from being reached: seven round trips with TLS and a password. */
const LEAST_CONNECT_LIMIT_MS = 2000

/** Both endpoints of a database, behind the driver's interface. */
export function createRoutedSql(driver: Driver, plan: RoutedPlan): Handle {
  const { routing } = plan
  // It makes queries, fragments and helpers; it is on the writer endpoint, and opens nothing but `subscribe`.
  const template = runOutsideScope(() => instance(driver, ...plan.writer))
  const local = plan.replica === undefined ? template.options : replicaOptions(plan.replica)

  function replicaOptions(args: readonly unknown[]): ParsedOptions {
    const { options } = runOutsideScope(() => instance(driver, ...args))
    const { parsers, serializers, shared } = template.options
    // A user who changes a parser of `sql.options` changes it for both endpoints.
    const common = { parsers, serializers, shared: { ...shared, retries: 0 } }
    return { ...options, ...common, target_session_attrs: null }
  }

  function laneSet(endpoint: EndpointName, options: ParsedOptions): LaneSet {
    return new LaneSet({
      driver,
      options,
      link: createLink(routing, endpoint),
      connectLimitMs: Math.max(routing.settings.writerDeadlineMs, LEAST_CONNECT_LIMIT_MS),
      unreachable: (cause) =>
        endpoint === 'writer' ? new PrimaryUnavailable({ reason: 'unreachable', cause }) : cause,
      onParameter: (name, value) => {
        // `sql.parameters` shows the local endpoint, and `onparameter` hears of changes.
        if (options !== local || local.parameters[name] === value) return
        local.parameters[name] = value
        local.onparameter?.(name, value)
      },
    })
  }

  const writer = laneSet('writer', template.options)
  const sets = { writer, replica: local === template.options ? writer : laneSet('replica', local) }
  const listening = new Listening(routing, template, (onnotify) => {
    const fields = { max: 1, idle_timeout: null, max_lifetime: null, fetch_types: false }
    return laneSet('writer', { ...template.options, ...fields, onclose: undefined, onnotify })
  })
  const { handler: templateHandler } = template.unsafe('')
  const work = new Work()
  let ending: Promise<void> | undefined

  async function end({ timeout = null }: { timeout?: number | null } = {}): Promise<void> {
    if (ending !== undefined) return await ending
    const templateEnded = template.end({ timeout: 0 })
    // As in the driver: what is executed in the same turn is still taken.
    await Promise.resolve()
    ending ??= endAll(timeout, templateEnded)
    return await ending
  }

  async function endAll(timeout: number | null, templateEnded: Promise<void>): Promise<void> {
    const all = [sets.writer, sets.replica]
    listening.end()
    let timer: NodeJS.Timeout | undefined
    const inTime = work.done().then(() => Promise.all(all.map((set) => set.end())))
    const late = new Promise<void>((resolve) => {
      if (timeout !== null) timer = setTimeout(resolve, timeout * 1000)
    })
    const destroy = (): void => {
      for (const set of all) set.destroy()
    }
    await Promise.race([inTime, late.then(destroy)])
    clearTimeout(timer)
    await templateEnded
  }

  const world: World = {
    routing,
    template,
    local,
    sets,
    work,
    refuse: (query) => {
      if (ending !== undefined) templateHandler(query)
      return ending !== undefined
    },
    listening,
    end,
    async close() {
      await Promise.all([sets.writer.close(), sets.replica.close()])
    },
  }
  const primary = createHandle(world, 'primary')
  template.begin = primary.begin
  hidePassword(template.options)
  hidePassword(local)
  const sql = local === template.options ? primary : createHandle(world, 'none')
  for (const handle of [sql, primary]) {
    Object.defineProperty(handle, 'primary', { value: primary })
    const hint = handle === sql ? 'none' : 'primary'
    if (!hasRouting(handle)) exposeRouting(handle, { ...routing, hint })
  }
  return sql
}
