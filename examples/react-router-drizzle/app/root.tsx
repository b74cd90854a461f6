import { flyback } from '@flyback/http/react-router'
import type { ReactNode } from 'react'
import { type MiddlewareFunction, Outlet, Scripts } from 'react-router'

export const middleware: MiddlewareFunction<Response>[] = [flyback()]

export function Layout({ children }: { readonly children: ReactNode }) {
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>Guestbook</title>
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

// React Router's own prints what it shows, and it is made of a refusal, too, before the replay takes its place.
export function ErrorBoundary() {
  return <p>Something went wrong.</p>
}
