import { index, type RouteConfig, route } from '@react-router/dev/routes'

const routes: RouteConfig = [index('routes/home.tsx'), route('visit', 'routes/visit.tsx')]

export default routes
