import { bodies } from './cases/bodies.js'
import { refusals } from './cases/refusals.js'
import type { HandlerSection } from './handler-case.js'

/** What every framework does, with every framework's own means. */
export const HANDLER_CONTRACT: readonly HandlerSection[] = [refusals, bodies]
