export * from './edge/index.js'
export {
  createMachineTable,
  type Dial,
  type Edge,
  type EdgeClock,
  type EdgeErrorCode,
  type EdgeHop,
  type EdgeOptions,
  type EdgeRecord,
  type EdgeSwitches,
  type Machine,
  type MachineEntry,
  type MachineHealth,
  type MachineTable,
  type SessionCacheRule,
  startEdge,
} from './edge/index.js'
export type { Credentials, MemberRole, StopMode } from './engine/engine.js'
export type {
  CreateDatabaseOptions,
  EnvOptions,
  Lab,
  LabDatabase,
  LabEndpoint,
  LabWan,
  Lag,
  Member,
  StartOptions,
} from './lab.js'
export { LabError } from './lab-error.js'
export { greatCircleRoundTripMs } from './network/distances.js'
export type { Address } from './network/wan.js'
export type { LabOptions, LabStep } from './options.js'
export { startLab } from './start-lab.js'
