import { flybackErrors } from '@flyback/http/next'
import type { Instrumentation } from 'next'

export { registerFlyback as register } from '@flyback/http/next'

/** Where you report errors: a replay is none. */
export const onRequestError: Instrumentation.onRequestError = flybackErrors((error, { path }) => {
  console.error(`${path} failed:`, error)
})
