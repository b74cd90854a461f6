import { withFlyback } from '@flyback/http/fetch'
import { createContractApp } from '../app/index.ts'
import { createFetchHandler } from './fetch-handler.ts'
import { serveFetch } from './serve-fetch.ts'

const contract = createContractApp()
const serve = withFlyback(createFetchHandler(contract), contract.options)
serveFetch(contract, serve)
