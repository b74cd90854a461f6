/**
 * Makes the pages of what the contract suites saw (packages/testkit/results, which the suites themselves hold against every
 * run): a tick is a test that ran. Checks that the pages are in step; `--write` writes them.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { adaptersPage } from './matrix/adapters-page.ts'
import { handlersPage } from './matrix/handlers-page.ts'
import { finish, ROOT, readFile, repositoryFiles } from './workspace.ts'

const problems: string[] = []
const pages = {
  'docs/support-matrix.md': adaptersPage(problems),
  'docs/handler-matrix.md': handlersPage(problems),
}

for (const [file, page] of Object.entries(pages)) {
  if (process.argv.includes('--write')) writeFileSync(join(ROOT, file), page)
  else if (!repositoryFiles().includes(file) || readFile(file) !== page) {
    problems.push(`${file} is not what the results say: run it with --write`)
  }
}
finish('support-matrix', `${Object.keys(pages).join(' and ')} say what was seen`, problems)
