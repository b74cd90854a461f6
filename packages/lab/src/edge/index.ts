export { type Edge, startEdge } from './edge.js'
export { type EdgeClock, systemClock } from './edge-clock.js'
export type { EdgeErrorCode } from './edge-error.js'
export type { Dial, EdgeOptions, EdgeSwitches } from './edge-options.js'
export type { EdgeHop, EdgeRecord } from './edge-record.js'
export {
  createMachineTable,
  type Machine,
  type MachineEntry,
  type MachineHealth,
  type MachineTable,
} from './machine-table.js'
export type { SessionCacheRule } from './session-cache-rule.js'
