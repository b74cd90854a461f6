import { library } from '../../tsup.base.ts'

export default library({
  'node-postgres': 'src/node-postgres.ts',
  'postgres-js': 'src/postgres-js.ts',
})
