import { headings, readResults, table } from './results.ts'

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

/** The page of drivers and ORMs: a row is a case, a column a library. */
export function adaptersPage(problems: string[]): string {
  const columns = readResults('adapters', ORDER, problems)
  const sections = headings(columns)
  const cases = sections.reduce((sum, [, titles]) => sum + titles.length, 0)
  const head = ['', ...columns.map(({ name }) => name)]
  const shown = sections.map(([heading, titles]) => {
    const rows = titles.map((title) => [
      title,
      ...columns.map(({ results }) => results[heading]?.[title] ?? ''),
    ])
    return `## ${heading}\n\n${table([head, ...rows])}`
  })
  const reasons = columns.flatMap(({ name, cannot }) =>
    Object.entries(cannot).map(([what, why]) => [name, what, why]),
  )
  return `# What each driver and ORM was seen to do

One contract of ${cases} cases, run for each of them on real streaming replication: a primary in \`ewr\`, a replica in \`iad\`. This page is
generated from the results (\`node scripts/support-matrix.ts --write\`), and every test run holds the results against what it sees: a tick is a
test that ran and passed. A dash is something the library does not have; the last table says why.

${shown.join('\n\n')}

## What a dash means

${table([['', 'has no', 'because'], ...reasons])}
`
}
