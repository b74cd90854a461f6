import { library } from '../../tsup.base.ts'

export default library({ index: 'src/index.ts', reaper: 'src/engine/reaper.ts' })
