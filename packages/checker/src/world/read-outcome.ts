import type { Outcome } from '../history/history.ts'
import type { World } from './world.ts'

const TAGS = 'select tag as text from entry where run = $1'
const TIMELINE = 'select left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) as text'
const SWITCH = /^\s*(\d+)\s+([0-9A-F]+)\/([0-9A-F]+)/i

/** What a run has left: asked of the primary, when everything is mended. */
export async function readOutcome(world: World, run: number): Promise<Outcome> {
  const ask = async (text: string, values: unknown[] = []): Promise<string[]> => {
    const { rows } = await world.query(world.lab.primaryRegion, text, values)
    return rows.map((row: { text: string }) => row.text)
  }
  const tags = await ask(TAGS, [run])
  const [timeline = ''] = await ask(TIMELINE)
  const file = `pg_wal/${timeline}.history`
  const [history = ''] = await ask('select pg_read_file($1, true) as text', [file])
  return {
    tags,
    timeline: Number.parseInt(timeline, 16),
    switches: new Map(readSwitches(history ?? '')),
  }
}

/** The lines of a timeline's history file: each timeline before it, and where it was left. */
function readSwitches(text: string): [number, bigint][] {
  return text.split('\n').flatMap((line): [number, bigint][] => {
    const [, timeline, high, low] = SWITCH.exec(line) ?? []
    if (timeline === undefined) return []
    return [[Number(timeline), (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`)]]
  })
}
