import { brokenMembers } from './cases/broken-members.js'
import { knownWrites } from './cases/known-writes.js'
import { lostBackends } from './cases/lost-backends.js'
import { observed } from './cases/observed.js'
import { otherStatements } from './cases/other-statements.js'
import { refusedStatements } from './cases/refused-statements.js'
import { requests } from './cases/requests.js'
import { streams } from './cases/streams.js'
import { lagging, tokens } from './cases/tokens.js'
import { transactions } from './cases/transactions.js'
import type { ContractSection, FaultSection } from './contract-case.js'

/** What every adapter promises, on the lab that all tests share. */
export const CONTRACT: readonly ContractSection[] = [
  otherStatements,
  refusedStatements,
  knownWrites,
  transactions,
  streams,
  requests,
  tokens,
  observed,
  lostBackends,
]

/** What every adapter survives, in a lab of its own. */
export const FAULTS: readonly FaultSection[] = [lagging, brokenMembers]
