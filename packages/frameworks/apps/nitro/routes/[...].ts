import { askOf, errorReply, toResponse } from '@flyback/frameworks/app'
import { defineHandler } from 'nitro/deps/h3'
import { contract } from '../contract.ts'

export default defineHandler(async (event) => {
  const { pathname } = event.url
  try {
    return toResponse(await contract.handle(askOf(event.req)))
  } catch (error) {
    // The app's own error handler, below `/handled`.
    if (!pathname.startsWith('/handled/')) throw error
    return toResponse(errorReply(error))
  }
})
