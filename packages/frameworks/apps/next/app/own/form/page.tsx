import type { ReactNode } from 'react'
import { save, saveAndGo, saveHere } from './actions'

const FORMS = { save, saveAndGo, saveHere }

export default function Page(): ReactNode {
  return Object.entries(FORMS).map(([name, action]) => (
    <form action={action} key={name} id={name}>
      <input name="id" />
    </form>
  ))
}
