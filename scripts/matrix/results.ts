import { readFile, repositoryFiles } from '../workspace.ts'

/** What a contract saw of one library or framework, as testkit writes it. */
export interface Results {
  readonly name: string
  readonly cannot: Readonly<Record<string, string>>
  readonly results: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** The committed results of one contract, in this order of names. */
export function readResults(
  folder: string,
  order: readonly string[],
  problems: string[],
): readonly Results[] {
  // Written by the contract suite alone, in this form.
  const found = repositoryFiles()
    .filter((file) => file.startsWith(`packages/testkit/results/${folder}/`))
    .map((file) => JSON.parse(readFile(file)) as Results)
    .toSorted((a, b) => order.indexOf(a.name) - order.indexOf(b.name))
  for (const { name } of found) {
    if (!order.includes(name)) problems.push(`${name} has no place in the order of ${folder}`)
  }
  for (const name of order) {
    if (!found.some((one) => one.name === name)) problems.push(`${name} has no results`)
  }
  return found
}

/** As wide as its text: every character of the pages is one column wide, and one code unit. */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll('|', '\\|')))
  const [head = [], ...body] = cells
  const widths = head.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n')
}

/** The headings of a contract, each with its cases. */
export function headings(all: readonly Results[]): readonly (readonly [string, string[]])[] {
  const names = [...new Set(all.flatMap(({ results }) => Object.keys(results)))]
  return names.map((heading) => [
    heading,
    [...new Set(all.flatMap(({ results }) => Object.keys(results[heading] ?? {})))],
  ])
}
