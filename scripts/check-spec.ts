/**
 * Guards that packages/core/SPEC.md tells the truth: rules are numbered without a gap, each names the tests that enforce
 * it or says `not yet`, every named title stands in the named file, and every title that begins with a rule's number is
 * named. With `--write` it rewrites the lists from the tests, but never from tests to `not yet`: that is done by hand.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finish, ROOT, readFile, repositoryFiles } from './workspace.ts'

const SPEC = 'packages/core/SPEC.md'
const RULES = 23
/** Tests and contract suites; a title may be a literal of any kind, of `test.each` too, or the key of a row. */
const TEST_FILE = /^(?:(?:packages|examples)\/[^/]+\/test|packages\/testkit\/src)\/.*\.ts$/
const TITLE = /(['"`])(rules?\s*\d+[:,\s](?:(?!\1)[^\\\n]|\\.)*)\1/gi
/** `rule 4: ...`, or several: `rule 3, rule 17: ...`. */
const WELL_FORMED = /^rule [1-9]\d*(?:, rule [1-9]\d*)*: \S/
const SWITCHED_OFF = /\.(?:skip|todo|fails)\(\s*$/
/** Number, text and list of one rule. */
const ITEM = /^(\d+)\. (.+\n(?: {3,}(?=[^ -]).+\n)*)((?: {3,}- Enforced by: .+\n)*)/gm
const NOT_YET = 'not yet'

const problems: string[] = []

/** The lines of each rule's list, as the tests have it. */
function readTitles(): Map<number, string[]> {
  const titles = new Map<number, string[]>()
  for (const file of repositoryFiles().filter((name) => TEST_FILE.test(name))) {
    const text = readFile(file)
    for (const { 2: title = '', index } of text.matchAll(TITLE)) {
      const [prefix = ''] = WELL_FORMED.exec(title) ?? []
      const numbers = [...prefix.matchAll(/rule (\d+)/g)].map(([, digits]) => Number(digits))
      if (numbers.length === 0 || numbers.some((number) => number > RULES)) {
        problems.push(`${file}: "${title}" is not "rule <1-${RULES}>: ..."`)
      } else if (SWITCHED_OFF.test(text.slice(0, index))) {
        problems.push(`${file}: "${title}" is switched off, so it enforces nothing`)
      } else {
        const line = `\`${file}\` › "${title}"`
        for (const number of numbers) titles.set(number, [...(titles.get(number) ?? []), line])
      }
    }
  }
  return titles
}

function checkRule(number: number, listed: readonly string[], found: readonly string[]): void {
  if (listed.length === 0)
    problems.push(`rule ${number} names no test and does not say '${NOT_YET}'`)
  for (const line of listed) {
    if (line === NOT_YET) {
      if (listed.length > 1) problems.push(`rule ${number} says '${NOT_YET}' beside tests`)
    } else if (!found.includes(line)) {
      problems.push(`rule ${number} names ${line}, and no such title is there`)
    }
  }
  for (const line of found) {
    if (!listed.includes(line)) problems.push(`rule ${number} does not name ${line}`)
  }
}

const spec = readFile(SPEC)
const titles = readTitles()
const numbers: number[] = []
const rewritten = spec.replaceAll(ITEM, (item, digits: string, text: string, list: string) => {
  const number = Number(digits)
  const found = [...new Set(titles.get(number))].toSorted()
  const listed = [...list.matchAll(/- Enforced by: (.+)\n/g)].map(([, line = '']) => line)
  numbers.push(number)
  if (!process.argv.includes('--write')) checkRule(number, listed, found)
  else if (found.length === 0 && !listed.includes(NOT_YET)) {
    problems.push(`rule ${number} has no test; say '${NOT_YET}' by hand if that is meant`)
  }
  if (found.length === 0) return item
  const pad = ' '.repeat(digits.length + 2)
  return `${digits}. ${text}${found.map((line) => `${pad}- Enforced by: ${line}\n`).join('')}`
})
const expected = Array.from({ length: RULES }, (_, index) => index + 1)
if (numbers.join() !== expected.join()) {
  problems.push(`rules are numbered ${numbers.join(' ')}, not 1 to ${RULES}`)
}
if (process.argv.includes('--write')) writeFileSync(join(ROOT, SPEC), rewritten)
const count = [...titles.values()].flat().length
finish('check-spec', `${titles.size} of ${RULES} rules are enforced, by ${count} titles`, problems)
