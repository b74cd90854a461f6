/**
 * Makes docs/support-matrix.md of what the contract suite saw (packages/testkit/results/adapters, which the suite itself holds
 * against every run): a tick is a test that ran. Checks that the page is in step; `--write` writes it.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { finish, ROOT, readFile, repositoryFiles } from './workspace.ts'

const PAGE = 'docs/support-matrix.md'
const RESULTS = /^packages\/testkit\/results\/adapters\/.+\.json$/
/** Columns, in the order of the README. */
const ORDER = [
  'node-postgres',
  'postgres.js',
  'Kysely on pg',
  'Kysely on postgres.js',
  'Drizzle node-postgres',
  'Drizzle postgres-js',
  'Prisma',
  'Prisma with $extends',
]

interface Column {
  readonly name: string
  readonly cannot: Readonly<Record<string, string>>
  readonly results: Readonly<Record<string, Readonly<Record<string, string>>>>
}

const problems: string[] = []
// Written by the contract suite alone, in this form.
const columns = repositoryFiles()
  .filter((file) => RESULTS.test(file))
  .map((file) => JSON.parse(readFile(file)) as Column)
  .toSorted((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name))

for (const { name } of columns) {
  if (!ORDER.includes(name)) problems.push(`${name} has no place in the order of columns`)
}
for (const name of ORDER) {
  if (!columns.some((column) => column.name === name)) problems.push(`${name} has no results`)
}

/** As wide as its text: every character of the pages is one column wide, and one code unit. */
function table(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows
  const widths = head.map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

function section(heading: string): string {
  const titles = [...new Set(columns.flatMap(({ results }) => Object.keys(results[heading] ?? {})))]
  const rows = titles.map((title) => [
    title.replaceAll('|', '\\|'),
    ...columns.map(({ results }) => results[heading]?.[title] ?? ''),
  ])
  return `## ${heading}\n\n${table([['', ...columns.map(({ name }) => name)], ...rows])}`
}

const headings = [...new Set(columns.flatMap(({ results }) => Object.keys(results)))]
const reasons = columns.flatMap(({ name, cannot }) =>
  Object.entries(cannot).map(([what, why]) => [name, what, why]),
)
const cases = headings.reduce(
  (sum, heading) => sum + Object.keys(columns[0]?.results[heading] ?? {}).length,
  0,
)
const page = `# What each driver and ORM was seen to do

One contract of ${cases} cases, run for each of them on real streaming replication: a primary in \`ewr\`, a replica in \`iad\`. This page is
generated from the results (\`node scripts/support-matrix.ts --write\`), and every test run holds the results against what it sees: a tick is a
test that ran and passed. A dash is something the library does not have; the last table says why.

${headings.map(section).join('\n\n')}

## What a dash means

${table([['', 'has no', 'because'], ...reasons])}
`

if (process.argv.includes('--write')) writeFileSync(join(ROOT, PAGE), page)
else if (!repositoryFiles().includes(PAGE) || readFile(PAGE) !== page) {
  problems.push(`${PAGE} is not what the results say: run it with --write`)
}
finish('support-matrix', `${columns.length} columns of ${cases} cases`, problems)
