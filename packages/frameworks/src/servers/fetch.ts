import { withFlyback } from '@flyback/http/fetch'
import { createContractApp } from '../app/index.ts'
import { createFetchHandler } from './fetch-handler.ts'
import { serveFetch } from './serve-fetch.ts'

const contract = createContractApp()
const serve = withFlyback(createFetchHandler(contract), contract.options)
// Bun and Deno pass further arguments.
serveFetch((request) => serve(request))
