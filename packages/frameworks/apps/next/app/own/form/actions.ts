'use server'
import { withFlybackScope } from '@flyback/http/next'
import { cookies } from 'next/headers'
import { redirect } from 'next/navigation'
import { effect, idIn, region } from '../../../lib/effect'

export async function save(form: FormData): Promise<void> {
  await effect(idIn(form))
}

export async function saveAndGo(form: FormData): Promise<void> {
  await effect(idIn(form)).catch(() => undefined)
  const jar = await cookies()
  jar.set('saved', region)
  redirect('/own/read?id=1')
}

export const saveHere: (form: FormData) => Promise<void> = withFlybackScope(save)
