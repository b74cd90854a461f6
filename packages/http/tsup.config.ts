import { library } from '../../tsup.base.ts'

export default library({
  index: 'src/index.ts',
  express: 'src/express.ts',
  fetch: 'src/fetch.ts',
  hono: 'src/hono.ts',
  nest: 'src/nest.ts',
  node: 'src/node.ts',
  'react-router': 'src/react-router.ts',
  sveltekit: 'src/sveltekit.ts',
})
