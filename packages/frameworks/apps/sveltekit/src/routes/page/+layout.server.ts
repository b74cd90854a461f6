import type { ServerLoad } from '@sveltejs/kit'
import { building } from '$app/env'
import { read } from '../../lib/database.ts'

export const load: ServerLoad = async () => ({ read: building ? 'a build' : await read() })
