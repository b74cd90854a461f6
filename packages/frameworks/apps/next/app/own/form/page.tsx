import type { ReactNode } from 'react'
import { save, saveAndGo } from './actions'

export default function Page(): ReactNode {
  return (
    <>
      <form action={save} id="save">
        <input name="id" />
      </form>
      <form action={saveAndGo} id="go">
        <input name="id" />
      </form>
    </>
  )
}
