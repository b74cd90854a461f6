/**
 * Guards what each public entry pulls in. Core must run anywhere (Workers, Deno, a page), so its main entry may import
 * nothing and use no global of Node; an app on one framework must not load another; and the lab's edge is written from
 * Fly's documentation alone, so that library and lab cannot share one wrong idea of Fly. Each entry is bundled from
 * `dist` and what is left to import is compared with the table; `exports`, `publishConfig` and `dist` must agree.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { build } from 'esbuild'
import { ENTRY_RULES, NODE } from './entry-rules.ts'
import { type ExportEntry, finish, type Package, publicPackages, ROOT } from './workspace.ts'

const SOURCE = '@flyback/source'
const EDGE = 'packages/lab/src/edge/index.ts'
const NODE_GLOBALS = ['process', 'Buffer', 'require', '__dirname', '__filename', 'setImmediate']

interface Bundle {
  readonly inputs: readonly string[]
  readonly imports: readonly string[]
  readonly text: string
}

async function bundle(file: string): Promise<Bundle> {
  const { metafile, outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [file],
    bundle: true,
    platform: 'neutral',
    format: 'esm',
    minify: true,
    // Node loads a module whether or not its exports are used.
    treeShaking: false,
    ignoreAnnotations: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'silent',
    // esbuild replaces free identifiers only: a word in a message is not a use.
    define: Object.fromEntries(NODE_GLOBALS.map((name) => [name, `NODE_GLOBAL_${name}`])),
    plugins: [
      {
        name: 'keep-foreign-imports',
        setup: ({ onResolve }) =>
          onResolve({ filter: /^[^./]/ }, ({ kind, path }) =>
            kind === 'entry-point' || path.startsWith('@flyback/') ? undefined : { external: true },
          ),
      },
    ],
  })
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports)
  return {
    inputs: Object.keys(metafile.inputs),
    imports: imports.filter(({ external }) => external === true).map(({ path }) => path),
    text: outputFiles.map(({ text }) => text).join('\n'),
  }
}

async function checkEntry(pkg: Package, subpath: string, entry: ExportEntry): Promise<string[]> {
  const name = join(pkg.manifest.name, subpath)
  const problems = [SOURCE, 'types', 'default']
    .filter((key) => !existsSync(join(pkg.folder, entry[key] ?? 'missing')))
    .map((key) => `${name}: its ${key} file (${entry[key]}) does not exist`)
  const { [SOURCE]: _source, ...published } = entry
  if (!isDeepStrictEqual(pkg.manifest.publishConfig?.exports?.[subpath], published)) {
    problems.push(`${name}: publishConfig.exports is not exports without the source condition`)
  }
  const rule = ENTRY_RULES[name]
  if (rule === undefined) problems.push(`${name}: has no row in scripts/entry-rules.ts`)
  if (rule === undefined || problems.length > 0) return problems

  const { imports, text } = await bundle(join(pkg.folder, entry['default'] ?? ''))
  const leaked = imports.filter((path) => !rule.imports.test(path))
  const named = rule.names?.exec(text)?.[0]
  const used = rule.neutral === true ? /NODE_GLOBAL_(\w+)/.exec(text)?.[1] : undefined
  if (leaked.length > 0) problems.push(`${name}: imports ${leaked.join(', ')}`)
  if (named !== undefined) problems.push(`${name}: mentions ${named}`)
  if (used !== undefined) problems.push(`${name}: uses ${used}, a global of Node`)
  return problems
}

const problems: string[] = []
for (const pkg of publicPackages()) {
  const { name, exports = {}, publishConfig, ...rest } = pkg.manifest
  for (const [subpath, entry] of Object.entries(exports)) {
    problems.push(...(await checkEntry(pkg, subpath, entry)))
  }
  const extra = Object.keys(publishConfig?.exports ?? {}).filter((subpath) => !(subpath in exports))
  for (const subpath of extra) problems.push(`${name}: publishes ${subpath}, which exports lacks`)
  const needs = ['dependencies', 'optionalDependencies', 'peerDependencies'].filter(
    (k) => k in rest,
  )
  if (name === '@flyback/core' && needs.length > 0)
    problems.push(`${name}: has ${needs.join(', ')}`)
}
const edge = await bundle(EDGE)
const shared = [
  ...edge.imports.filter((path) => !NODE.test(path)),
  ...edge.inputs.filter((path) => !path.startsWith('packages/lab/src/')),
]
if (shared.length > 0) problems.push(`${EDGE}: reaches ${shared.join(', ')}`)
const entries = Object.keys(ENTRY_RULES).length
finish('check-exports', `${entries} entries and the lab's edge import only what they may`, problems)
