import { type Actions, fail, redirect } from '@sveltejs/kit'
import { write } from '../../../../lib/database.ts'

export const actions: Actions = {
  async default({ request, url }) {
    const form = await request.formData()
    const text = form.get('text')
    if (typeof text !== 'string' || text === '') return fail(422, { missing: true })
    const region = await write(url)
    if (form.has('redirect')) redirect(303, `/page/read?from=${region}`)
    return { region, length: text.length }
  },
}
