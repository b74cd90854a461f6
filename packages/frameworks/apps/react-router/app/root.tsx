import { flyback } from '@flyback/http/react-router'
import type { ReactNode } from 'react'
import { type MiddlewareFunction, Outlet, Scripts } from 'react-router'
import { contract } from './contract.server.ts'

export const middleware: MiddlewareFunction<Response>[] = [
  flyback({
    ...contract.options,
    routes: [
      ...(contract.options.routes ?? []),
      { path: '/page/forwarded', policy: 'forward' },
      { match: ({ params }) => params['policy'] === 'attempted', policy: 'attempt' },
    ],
  }),
]

export function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <title>contract</title>
      </head>
      <body>
        {children}
        <Scripts />
      </body>
    </html>
  )
}

export default function Root() {
  return <Outlet />
}

export function ErrorBoundary() {
  return <p>the boundary of the root</p>
}
