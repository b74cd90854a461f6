/**
 * Gives the pages of all frameworks one form: code first, a glance at what was tested, what is special, what happens if,
 * limits, and the example as CI runs it. The glance and the example are written from the facts; everything else is the
 * page's own. Checks that they are in step; `--write` writes them.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FRAMEWORK_PAGES, type FrameworkPage } from './docs/frameworks.ts'
import { type Results, readResults, table } from './matrix/results.ts'
import { finish, publicPackages, ROOT, readFile, repositoryFiles } from './workspace.ts'

const GLANCE = ['<!-- at a glance: by scripts/framework-pages.ts -->', '<!-- end of the glance -->']
const EXAMPLE = [
  '<!-- the example: by scripts/framework-pages.ts -->',
  '<!-- end of the example -->',
]
const LANGUAGES: Readonly<Record<string, string>> = { svelte: 'svelte', tsx: 'tsx', vue: 'vue' }

const problems: string[] = []
const results = readResults(
  'handlers',
  FRAMEWORK_PAGES.flatMap(({ hosts }) => hosts),
  problems,
)
const http = publicPackages().find(({ manifest }) => manifest.name === '@flyback/http')?.manifest

/** "all 120 cases": what the contract saw of one host. */
function seen({ results: headings }: Results): string {
  const marks = Object.values(headings).flatMap((cases) => Object.values(cases))
  const held = marks.filter((mark) => mark === '✓').length
  return held === marks.length ? `all ${held} cases` : `${held} of ${marks.length} cases`
}

function glance({ page, entries, peers, hosts, example }: FrameworkPage): string {
  const imports = entries.map((entry) => `\`@flyback/http/${entry}\``).join(', ')
  const versions = peers.map((peer) => `\`${peer}\` ${http?.peerDependencies?.[peer] ?? 'unknown'}`)
  const rows = hosts.flatMap((name) => {
    const host = results.find((one) => one.name === name)
    if (host === undefined) problems.push(`docs/${page}: ${name} has no results`)
    return host === undefined ? [] : [`${seen(host)} on ${name}`]
  })
  return table([
    ['', ''],
    ['import', imports],
    ...(versions.length === 0 ? [] : [['for', versions.join(', ')]]),
    ['tested', `in two and three regions: ${rows.join('; ')} ([which](handler-matrix.md))`],
    ['example', `[examples/${example}](../examples/${example}/README.md)`],
  ])
}

function exampleOf({ page, example, shows }: FrameworkPage): string {
  const files = repositoryFiles()
  const blocks = shows.flatMap((name) => {
    const file = `examples/${example}/${name}`
    if (!files.includes(file)) {
      problems.push(`docs/${page} shows ${file}: no such file`)
      return []
    }
    const language = LANGUAGES[name.split('.').at(-1) ?? ''] ?? 'ts'
    return [`\`${name}\`:`, `\`\`\`${language}\n${readFile(file).trimEnd()}\n\`\`\``]
  })
  const where = `[examples/${example}](../examples/${example}/README.md)`
  return [`This is ${where}, which CI runs in two regions:`, ...blocks].join('\n\n')
}

/** A page with what is between two marks written anew. */
function fill(
  page: string,
  text: string,
  [open = '', close = '']: string[],
  content: string,
): string {
  const [before, rest, more] = text.split(open)
  const [, after, another] = rest?.split(close) ?? []
  if (after === undefined || more !== undefined || another !== undefined) {
    problems.push(`docs/${page} must have ${open} and ${close} once`)
    return text
  }
  return `${before}${open}\n\n${content}\n\n${close}${after}`
}

/** What every page has, in this order. */
const FORM = [
  '# ',
  '```ts',
  GLANCE[0] ?? '',
  '\n## What happens if ...',
  '\n## Limits',
  '\n## The example',
]

for (const framework of FRAMEWORK_PAGES) {
  const file = `docs/${framework.page}`
  if (!repositoryFiles().includes(file)) {
    problems.push(`${file} is not there`)
    continue
  }
  const text = readFile(file)
  const places = FORM.map((part) => text.indexOf(part))
  if (places.some((place, at) => place < (places[at - 1] ?? 0))) {
    problems.push(`${file} has another form than: ${FORM.map((part) => part.trim()).join(', ')}`)
  }
  const filled = fill(
    framework.page,
    fill(framework.page, text, GLANCE, glance(framework)),
    EXAMPLE,
    exampleOf(framework),
  )
  if (filled === text) continue
  if (process.argv.includes('--write')) writeFileSync(join(ROOT, file), filled)
  else problems.push(`${file} is not what the examples and the results say: run it with --write`)
}
finish('framework-pages', `${FRAMEWORK_PAGES.length} pages have one form`, problems)
