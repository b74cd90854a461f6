import type { HandlerFeature } from './handler-under-test.js'
import type { Host } from './host.js'

/** One case of the contract of handlers. */
export interface HandlerCase {
  /** Short and unique: what a `lacks` names. */
  readonly id: string
  readonly title: string
  readonly needs?: readonly HandlerFeature[]
  run(host: Host): Promise<unknown>
}

/** Cases of one subject. */
export interface HandlerSection {
  readonly heading: string
  readonly cases: readonly HandlerCase[]
}
