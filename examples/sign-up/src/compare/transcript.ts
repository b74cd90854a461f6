import color from 'picocolors'
import type { Part, Step } from './story.ts'
import { FAR, PRIMARY, type Worlds } from './world.ts'

const HEADS: Readonly<Record<Part, readonly [title: string, code: string]>> = {
  before: ['Without tokens', 'app.use(flyback({ token: false }))'],
  after: ['With tokens', 'app.use(flyback())'],
  later: ['The replica goes on', `await lab.resume('${FAR}')`],
}

const MORALS = {
  loggedOut:
    'Signed up a moment ago, and asked to log in: the replica does not know the session yet.',
  replayed: 'Logged in: the replica is behind this visitor, so the primary answers.',
  local: 'Logged in: the replica has caught up with this visitor, and answers again.',
}

const REASONS: Readonly<Record<string, string>> = {
  method: 'replayed: a POST',
  stale: 'replayed: replica behind',
}

/** Where everybody is. */
export function printIntroduction({ lab }: Worlds): void {
  const roundTrip = lab.wan.roundTripMs(PRIMARY, FAR).toFixed(0)
  console.log(`
${color.bold('Sign up, then see the dashboard.')}
An Express app in two regions, its sessions in Postgres. The primary is in ${color.bold(PRIMARY)};
the visitor is in ${color.bold(FAR)}, ${roundTrip} ms away, next to a replica that is ${color.cyan('frozen')}.`)
}

export function printHead(part: Part): void {
  const [title, code] = HEADS[part]
  console.log(`\n${color.bold(title.padEnd(WIDTHS.title))}${color.cyan(code)}\n`)
}

/** Columns of the table. */
const WIDTHS = { title: 24, path: 11, page: 16, time: 8 }
/** Where the page begins. */
const INDENT = 26

/** One line an answer, and one for the cookies it sets. */
export function printStep(step: Step): void {
  const { method, path, status, location, heading = '', durationMs, replayed, cookies } = step
  const page = (location === undefined ? heading : `to ${location}`).padEnd(WIDTHS.page)
  const [region, why] =
    replayed === undefined
      ? [FAR, color.dim('answered here')]
      : [PRIMARY, color.yellow(REASONS[replayed] ?? replayed)]
  console.log(
    [
      `  ${method.padEnd(4)} ${path.padEnd(WIDTHS.path)}`,
      color.dim(String(status)),
      location === undefined ? color.bold(page) : page,
      milliseconds(durationMs).padStart(WIDTHS.time),
      region,
      why,
    ].join('  '),
  )
  for (const cookie of cookies) {
    const shown = cookie.startsWith('flyback-') ? color.cyan(cookie) : cookie
    console.log(`${' '.repeat(INDENT)}${color.dim('sets')} ${shown}`)
  }
}

/** What a part comes to, by its last answer. */
export function printMoral(steps: readonly Step[]): void {
  const last = steps.at(-1)
  if (last?.path !== '/dashboard') console.log(color.red(`\n  ✗ ${MORALS.loggedOut}`))
  else console.log(color.green(`\n  ✓ ${last.replayed ? MORALS.replayed : MORALS.local}`))
}

function milliseconds(durationMs: number): string {
  return `${durationMs.toFixed(durationMs < 9.95 ? 1 : 0)} ms`
}
