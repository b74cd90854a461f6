import { readFileSync } from 'node:fs'
import { LabError } from '../../lab-error.js'

/** The user Postgres runs as when we are root. */
export interface Account {
  readonly uid: number
  readonly gid: number
}

/** Postgres refuses uid 0, and a uid without a passwd entry. */
const CANDIDATES = ['postgres', 'nobody']

/** Whom to run Postgres as: `undefined` when we are not root and it can be ourselves. */
export function unprivilegedAccount(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined
  const entries = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
  for (const candidate of CANDIDATES) {
    const entry = entries.find(([name]) => name === candidate)
    const uid = Number(entry?.[2])
    const gid = Number(entry?.[3])
    if (uid > 0 && gid > 0) return { uid, gid }
  }
  throw new LabError(
    `Postgres refuses to run as root, and /etc/passwd has neither of ${CANDIDATES.join(', ')}: ` +
      'run the lab as another user, or add one of these',
  )
}
