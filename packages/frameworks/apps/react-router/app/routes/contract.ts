import { askOf, toResponse } from '@flyback/frameworks/app'
import type { LoaderFunctionArgs } from 'react-router'
import { contract } from '../contract.server.ts'

export async function loader({ request }: LoaderFunctionArgs): Promise<Response> {
  return toResponse(await contract.handle(askOf(request)))
}

export const action = loader
