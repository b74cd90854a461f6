import { flyback } from '@flyback/http/nitro'
import { contract } from '../utils/contract'

export default defineNitroPlugin(flyback(contract.options))
