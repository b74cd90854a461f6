import { type RouteConfig, route } from '@react-router/dev/routes'

const routes: RouteConfig = [
  route('page', 'pages/layout.tsx', [
    route('read', 'pages/read.tsx'),
    route('written', 'pages/written.tsx'),
    route('lost', 'pages/lost.tsx'),
    route('guarded', 'pages/guarded.tsx'),
    route('streamed', 'pages/streamed.tsx'),
    route('made', 'pages/made.tsx'),
    route('form/:policy', 'pages/form.tsx'),
    route('forwarded', 'pages/forwarded.tsx'),
  ]),
  route('handled/*', 'routes/handled.ts'),
  route('*', 'routes/contract.ts'),
]

export default routes
