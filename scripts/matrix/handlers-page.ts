import { headings, type Results, readResults, table } from './results.ts'

/** Rows: frameworks, then the same ones on other runtimes. */
const ORDER = [
  'Express 5',
  'Express 4',
  'Fastify',
  'Koa',
  'Fastify',
  'Hono',
  'Koa',
  'NestJS on Express',
  'NestJS on Fastify',
  'Next',
  'React Router',
  'SvelteKit',
  'Nuxt',
  'Nitro 3',
  'h3 2',
  'node:http, withFlyback',
  'node:http, as a middleware',
  'Request to Response on Node',
  'Request to Response on Bun',
  'Request to Response on Deno',
  'Hono on Bun',
  'Hono on Deno',
  'Express 5 on Bun',
  'Express 5 on Deno',
  'Fastify on Bun',
  'Fastify on Deno',
  'Koa on Bun',
  'Koa on Deno',
  'NestJS on Express on Bun',
  'NestJS on Express on Deno',
  'h3 2 on Bun',
  'h3 2 on Deno',
  'node:http, withFlyback on Bun',
  'node:http, withFlyback on Deno',
  'React Router on Bun',
  'React Router on Deno',
  'SvelteKit on Bun',
  'SvelteKit on Deno',
]

const HELD = '✓'

/** How many cases of a heading held; how many there are, where those differ. */
function count({ results }: Results, heading: string): string {
  const outcomes = Object.values(results[heading] ?? {})
  const held = outcomes.filter((outcome) => outcome === HELD).length
  return held === outcomes.length ? String(held) : `${held} of ${outcomes.length}`
}

/** What is not possible for one reason: whole subjects by their headings, else the cases. */
function lacking({ results, cannot }: Results, why: string): string {
  const parts = Object.entries(results).flatMap(([heading, outcomes]) => {
    const titles = Object.keys(outcomes).filter(
      (title) => outcomes[title] !== HELD && cannot[title] === why,
    )
    const isAll = titles.length === Object.keys(outcomes).length
    return isAll ? [heading] : titles.map((title) => `${heading}: ${title}`)
  })
  return parts.join('; ')
}

/** The page of frameworks and runtimes: a row is one of them, a column a subject of the contract. */
export function handlersPage(problems: string[]): string {
  const rows = readResults('handlers', ORDER, problems)
  const sections = headings(rows)
  const cases = sections.reduce((sum, [, titles]) => sum + titles.length, 0)
  const names = sections.map(([heading]) => heading)
  const counts = rows.map((row) => [row.name, ...names.map((heading) => count(row, heading))])
  const lists = sections.map(
    ([heading, titles]) => `### ${heading}\n\n${titles.map((title) => `- ${title}`).join('\n')}`,
  )
  const reasons = rows.flatMap((row) =>
    [...new Set(Object.values(row.cannot))].map((why) => [row.name, lacking(row, why), why]),
  )
  return `# What each framework and runtime was seen to do

One contract of ${cases} cases, run for each of them: servers in real processes in three regions, proxies before them that replay as Fly's do,
real streaming replication behind. This page is generated from the results (\`node scripts/support-matrix.ts --write\`), and every test run
holds the results against what it sees: a number counts tests that ran and passed.

${table([['', ...names], ...counts])}

## What is not possible

${table([['', 'is not possible', 'because'], ...reasons])}

## The cases

${lists.join('\n\n')}
`
}
