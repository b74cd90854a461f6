/**
 * Guards what readers try first: every link between pages leads somewhere, every TypeScript block of the READMEs and of
 * docs/ compiles as it stands, and a default that a docstring states as a literal is the one in the code.
 */
import { checkCodeBlocks } from './docs/check-code-blocks.ts'
import { checkDefaults } from './docs/check-defaults.ts'
import { checkLinks } from './docs/check-links.ts'
import { finish, repositoryFiles } from './workspace.ts'

const WITH_CODE = /^(?:README\.md|docs\/.*\.md|packages\/[^/]+\/README\.md)$/

const pages = repositoryFiles().filter((file) => file.endsWith('.md'))
const links = checkLinks(pages)
const blocks = checkCodeBlocks(pages.filter((page) => WITH_CODE.test(page)))
const defaults = checkDefaults()
finish(
  'check-docs',
  `links of ${pages.length} pages, ${blocks.count} code blocks and ${defaults.count} defaults hold`,
  [...links, ...blocks.problems, ...defaults.problems],
)
