import { flyback } from '@flyback/http/nitro'
import { defineNitroPlugin } from 'nitro/runtime'
import { contract } from '../contract.ts'

export default defineNitroPlugin(flyback(contract.options))
