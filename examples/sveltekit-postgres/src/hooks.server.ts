import { flyback, flybackErrors } from '@flyback/http/sveltekit'
import type { Handle, HandleServerError } from '@sveltejs/kit/hooks'
import { sql } from './lib/database.ts'

export const handle: Handle = flyback()

// A replay is no error: without this, SvelteKit prints one for each.
export const handleError: HandleServerError = flybackErrors(({ kind, error }) => {
  if (kind === 'unknown') console.error(error)
})

process.once('sveltekit:shutdown', () => void sql.end())
