import { stripVTControlCharacters } from 'node:util'
import Table from 'cli-table3'
import color from 'picocolors'
import type { Pair, Visit } from './visits.ts'
import { REGIONS, type Region, type Worlds } from './world.ts'

/** Columns that a line takes with all its words. */
const WIDE = 118

/** Says which world is in front of the reader. */
export function printIntroduction({ lab }: Worlds): void {
  const far = REGIONS.filter((region) => region !== lab.primaryRegion)
    .map((region) => `${region} ${lab.wan.roundTripMs(lab.primaryRegion, region).toFixed(0)} ms`)
    .join(', ')
  console.log(`
${color.bold('One guestbook, three regions.')}
Every region runs the same Express app next to a Postgres of its own.
The primary is in ${color.bold(lab.primaryRegion)}; round trips from there: ${far}.
On the right, the same requests with every region on the primary, over 5432.`)
}

export function printVisitor(region: Region, primary: string): void {
  const where = region === primary ? 'next to the primary' : 'next to a replica'
  console.log(`\n${color.bold(`A visitor in ${region}`)} ${color.dim(where)}`)
}

/** One line a request; on a narrow terminal the words give way, the numbers stay. */
export function printPair({ region, step, withFlyback, without }: Pair): void {
  const { member, replayed } = withFlyback
  const isWide = (process.stdout.columns ?? WIDE) >= WIDE
  const how = isWide
    ? [`answered by the member in ${member}`, `replayed in ${member}: ${replayed}`]
    : [member, `${member}, replayed: ${replayed}`]
  const told = replayed === undefined ? color.green(how[0]) : color.yellow(how[1])
  const request = `${step.method.padEnd(4)} ${step.path.padEnd(8)}`
  const line = `  ${region} ${request} ${status(withFlyback)} ${time(withFlyback)}  ${told}`
  const beside = isWide
    ? ` ${status(without)} ${time(without)} ${color.dim(`member in ${without.member}`)}`
    : time(without)
  console.log(`${pad(line, isWide ? 83 : 68)}${color.dim('│')}${beside}`)
}

/** Medians by region, with and without. */
export function printSummary(pairs: readonly Pair[]): void {
  const table = new Table({
    head: ['', 'reads', 'without', '', 'writes', 'without', ''],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right', 'right'],
    style: {
      head: color.isColorSupported ? ['bold'] : [],
      border: color.isColorSupported ? ['dim'] : [],
    },
  })
  for (const region of REGIONS) {
    const cells = (['read', 'write'] as const).flatMap((kind) => {
      const own = pairs.filter((pair) => pair.region === region && pair.step.kind === kind)
      const withFlyback = median(own.map((pair) => pair.withFlyback.durationMs))
      const without = median(own.map((pair) => pair.without.durationMs))
      return [milliseconds(withFlyback), milliseconds(without), compare(withFlyback, without)]
    })
    table.push([region, ...cells])
  }
  console.log(`\n${table.toString()}`)
  console.log(
    color.dim(
      'Medians of this run. A read with Flyback stays in its region; a write crosses\n' +
        'the distance once, however many statements it takes. Without, each of them does.',
    ),
  )
}

/** What to try by hand while everything stays up. */
export function printInvitation({ withFlyback, without, lab }: Worlds): void {
  console.log(`\n${color.bold('Everything stays up.')} Try it; Ctrl-C ends it.\n`)
  for (const region of REGIONS) console.log(`  ${region}  ${withFlyback.url(region, '/')}`)
  console.log(`
  curl -i ${withFlyback.url('syd', '/')}
  curl -i -X POST -H 'content-type: application/json' -d '{"author":"you","message":"hi"}' ${withFlyback.url('syd', '/entries')}
  curl -i ${withFlyback.url('iad', '/visit')}
  curl -i ${without.url('syd', '/')}   ${color.dim('# without Flyback')}
  psql '${lab.url('syd', 'replica')}'   ${color.dim('# the replica in syd')}`)
}

function status({ status: code }: Visit): string {
  return code < 400 ? String(code) : color.red(String(code))
}

function time({ durationMs }: Visit): string {
  return milliseconds(durationMs).padStart(8)
}

function milliseconds(durationMs: number): string {
  return `${durationMs < 9.95 ? durationMs.toFixed(1) : durationMs.toFixed(0)} ms`
}

/** Differences below the noise of a busy machine are none. */
const NOISE_MS = 4

function compare(withFlyback: number, without: number): string {
  if (Math.abs(without - withFlyback) < NOISE_MS) return 'same'
  const times = without / withFlyback
  if (times < 1) return color.yellow(`${(1 / times).toFixed(1)}x slower`)
  return color.green(`${times >= 10 ? times.toFixed(0) : times.toFixed(1)}x faster`)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

/** Pads by what is visible: colour codes take no room. */
function pad(text: string, width: number): string {
  const visible = stripVTControlCharacters(text).length
  return text + ' '.repeat(Math.max(1, width - visible))
}
