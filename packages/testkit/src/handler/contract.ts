import { afterwards } from './cases/afterwards.js'
import { answers } from './cases/answers.js'
import { bodies } from './cases/bodies.js'
import { carried } from './cases/carried.js'
import { concurrency } from './cases/concurrency.js'
import { headers } from './cases/headers.js'
import { hostile } from './cases/hostile.js'
import { platforms } from './cases/platforms.js'
import { policies } from './cases/policies.js'
import { refusals } from './cases/refusals.js'
import { roles } from './cases/roles.js'
import { sockets } from './cases/sockets.js'
import { streams } from './cases/streams.js'
import { tokens } from './cases/tokens.js'
import { urls } from './cases/urls.js'
import type { HandlerSection } from './handler-case.js'

/** What every framework does, in its own way. */
export const HANDLER_CONTRACT: readonly HandlerSection[] = [
  refusals,
  policies,
  bodies,
  headers,
  urls,
  answers,
  streams,
  sockets,
  concurrency,
  tokens,
  platforms,
  carried,
  hostile,
  roles,
  afterwards,
]
