import type { ServerLoad } from '@sveltejs/kit'
import { write } from '../../../lib/database.ts'

export const load: ServerLoad = async ({ url }) => ({ region: await write(url) })
