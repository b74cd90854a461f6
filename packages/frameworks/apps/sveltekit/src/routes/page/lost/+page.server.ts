import type { ServerLoad } from '@sveltejs/kit'
import { writeLost } from '../../../lib/database.ts'

export const load: ServerLoad = async ({ url }) => ({ region: await writeLost(url) })
