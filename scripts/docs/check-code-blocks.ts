import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT, readFile } from '../workspace.ts'

/** The package whose dependencies hold all others, the drivers and the frameworks: blocks resolve what it can. */
const HOME = join(ROOT, 'packages/compat')
const BLOCK = /^```(\S*)[^\S\n]*([^\n]*)\n([\s\S]*?)^```[^\S\n]*$/gm
/** As scripts/framework-pages.ts writes it. */
const EXAMPLE = /<!-- the example: .*?<!-- end of the example -->/gs
const TYPESCRIPT = new Set(['ts', 'typescript', 'tsx'])

const TSCONFIG = {
  extends: join(ROOT, 'tsconfig.base.json'),
  compilerOptions: {
    noEmit: true,
    types: ['node'],
    // Nest's are the ones that came before the standard.
    experimentalDecorators: true,
    moduleDetection: 'force',
    // A page shows programs, not libraries.
    isolatedDeclarations: false,
    declaration: false,
    declarationMap: false,
    noUnusedLocals: false,
    noUnusedParameters: false,
  },
  include: ['**/*.ts'],
}

/**
 * Compiles every TypeScript block of the pages as a module of its own, against the sources of this workspace. A block
 * keeps its line in the page, so that the compiler's errors point there.
 */
export function checkCodeBlocks(pages: readonly string[]): { count: number; problems: string[] } {
  const folder = mkdtempSync(join(HOME, '.check-docs-'))
  const problems: string[] = []
  let count = 0
  try {
    for (const page of pages) {
      const text = withoutExamples(readFile(page))
      for (const { 1: language = '', 2: info = '', 3: code = '', index } of text.matchAll(BLOCK)) {
        if (!TYPESCRIPT.has(language)) continue
        const line = text.slice(0, index).split('\n').length
        if (info !== '' || language !== 'ts')
          problems.push(`${page}:${line} opens with more than ts`)
        const file = join(folder, `${page.replaceAll('/', '__')}__${line}.ts`)
        mkdirSync(folder, { recursive: true })
        writeFileSync(file, '\n'.repeat(line) + code)
        count++
      }
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(TSCONFIG))
    if (count > 0) problems.push(...compile(folder))
  } finally {
    rmSync(folder, { recursive: true })
  }
  return { count, problems }
}

/** What a page shows of an example is compiled there; its lines stay empty here. */
function withoutExamples(text: string): string {
  return text.replaceAll(EXAMPLE, (example) => example.replaceAll(/[^\n]/g, ''))
}

function compile(folder: string): string[] {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  const { status, stdout, error } = spawnSync(tsc, ['-p', folder, '--pretty', 'false'], {
    cwd: ROOT,
    encoding: 'utf8',
  })
  if (error !== undefined) throw error
  if (status === 0) return []
  const prefix = `${relative(ROOT, folder)}/`
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) =>
      line.startsWith(prefix)
        ? line
            .slice(prefix.length)
            .replace(
              /^(.*)__\d+\.ts\((\d+),\d+\)/,
              (_, page: string, at: string) => `${page.replaceAll('__', '/')}:${at}`,
            )
        : line,
    )
}
