import type { Lab } from '@flyback/lab'
import type { Capability } from './adapter-under-test.js'
import type { Bench } from './bench.js'

/** One case of the contract: a row of the support matrix, and the title of a test. */
interface Case {
  readonly title: string
  /** What a library must be able to do for the case to apply. */
  readonly needs?: readonly Capability[]
}

export interface ContractCase extends Case {
  /** May resolve to a text, which the matrix shows instead of a tick: where a case measures something. */
  run(bench: Bench): Promise<unknown>
}

/** Cases under one heading of the matrix. */
export interface ContractSection {
  readonly heading: string
  readonly cases: readonly ContractCase[]
}

/** Stops members or changes their settings: runs in a lab of its own. */
export interface FaultCase extends Case {
  run(bench: Bench, lab: Lab): Promise<unknown>
}

export interface FaultSection {
  readonly heading: string
  readonly cases: readonly FaultCase[]
}
