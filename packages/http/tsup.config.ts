import { library } from '../../tsup.base.ts'

export default library({
  index: 'src/index.ts',
  express: 'src/express.ts',
  fastify: 'src/fastify.ts',
  fetch: 'src/fetch.ts',
  h3: 'src/h3.ts',
  hono: 'src/hono.ts',
  koa: 'src/koa.ts',
  nest: 'src/nest.ts',
  nitro: 'src/nitro.ts',
  next: 'src/next.ts',
  node: 'src/node.ts',
  otel: 'src/otel.ts',
  'react-router': 'src/react-router.ts',
  sveltekit: 'src/sveltekit.ts',
})
