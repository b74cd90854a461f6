import { readFile, repositoryFiles } from '../workspace.ts'

const SOURCE = /^(packages\/[^/]+)\/src\/.*\.ts$/
const LITERAL = String.raw`'[^'\n]*'|-?\d[\d_.]*|true|false`
/** `@default <literal>` and the property below it; a default in words is for the reader alone. */
const DOCUMENTED = new RegExp(
  String.raw`@default (${LITERAL})(?![\w.])(?:(?!\*\/)[\s\S])*\*\/\s*(?:readonly )?(\w+)\?:`,
  'g',
)

const plain = (literal: string): string => literal.replaceAll('_', '')

/**
 * Literal `@default`s that the code contradicts: a package that gives the option a literal default (`name = 5` in a
 * destructuring, `options.name ?? 5`, or a constant in its place) must give it the documented one. Longer paths, such as
 * `request.headers.host ?? ''`, are not options.
 */
export function checkDefaults(): { count: number; problems: string[] } {
  const sources = new Map<string, string>()
  for (const file of repositoryFiles().filter((name) => SOURCE.test(name))) {
    const folder = SOURCE.exec(file)?.[1] ?? ''
    sources.set(folder, `${sources.get(folder) ?? ''}\n${readFile(file)}`)
  }
  const problems: string[] = []
  let count = 0
  for (const [folder, text] of sources) {
    for (const [, documented = '', name = ''] of text.matchAll(DOCUMENTED)) {
      const given = givenDefaults(text, name)
      if (given.length === 0) continue
      count++
      if (given.includes(plain(documented))) continue
      problems.push(
        `${folder}: @default of ${name} is ${documented}, the code says ${given.join(', ')}`,
      )
    }
  }
  return { count, problems }
}

function givenDefaults(text: string, name: string): string[] {
  const value = String.raw`(${LITERAL}|[A-Z][A-Z0-9_]+)(?![\w.(])`
  const uses = [
    new RegExp(String.raw`[{,]\s*${name}(?:: \w+)? = ${value}\s*[,}]`, 'g'),
    new RegExp(String.raw`(?<![\w.])\w+\.${name} \?\? ${value}`, 'g'),
  ]
  return uses
    .flatMap((use) => [...text.matchAll(use)].map(([, given = '']) => given))
    .map(
      (given) =>
        new RegExp(String.raw`const ${given}(?:: \w+)? = (${LITERAL})\n`).exec(text)?.[1] ?? given,
    )
    .filter((given) => new RegExp(`^(?:${LITERAL})$`).test(given))
    .map(plain)
}
