import { flyback } from '@flyback/http/next'
import { contract } from './lib/contract'

export const proxy = flyback(contract.options)
export const config = { matcher: '/((?!_next/static|_next/image).*)' }
