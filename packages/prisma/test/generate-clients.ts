import { execFileSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

/** The tables of the contract (CONTRACT_SCHEMA of testkit) and of support.ts. */
const SCHEMA = `
generator client {
  provider = "prisma-client-js"
  output   = "./client"
}

datasource db {
  provider = "postgresql"
}

model Item {
  id   Int    @id @default(autoincrement())
  name String @unique
  qty  Int    @default(0)
  tags Tag[]

  @@map("item")
}

model Tag {
  id     Int    @id @default(autoincrement())
  label  String
  itemId Int    @map("item_id")
  item   Item   @relation(fields: [itemId], references: [id])

  @@unique([itemId, label])
  @@map("tag")
}
`

const { resolve } = createRequire(import.meta.url)
/** Where nothing formats, lints or commits it. */
const generated = join(import.meta.dirname, '..', 'node_modules', '.generated')

/**
 * Generates the Prisma clients of the tests into `node_modules`, unless they are there for this very schema and
 * version: `client` for the installed version, `client-7.0` for the oldest. Safe to call from several processes.
 */
export function generateClients(): void {
  const { version } = JSON.parse(readFileSync(resolve('prisma/package.json'), 'utf8'))
  const stamp = `${version}\n${SCHEMA}`
  if (isThere(stamp)) return
  const mine = `${generated}.${process.pid}`
  mkdirSync(mine)
  try {
    writeFileSync(join(mine, 'schema.prisma'), SCHEMA)
    generate(join(mine, 'schema.prisma'))
    cpSync(join(mine, 'client'), join(mine, 'client-7.0'), { recursive: true })
    runOn('@prisma/client', 'query_compiler_fast_bg', join(mine, 'client'))
    runOn('@prisma/client-7.0', 'query_compiler_bg', join(mine, 'client-7.0'))
    writeFileSync(join(mine, 'stamp'), stamp)
    if (isThere(stamp)) return
    if (existsSync(generated)) renameSync(generated, `${mine}/stale`)
    renameSync(mine, generated)
  } catch (error) {
    // A folder is not renamed onto another: somebody else was first.
    if (!isThere(stamp)) throw error
  } finally {
    rmSync(mine, { recursive: true, force: true })
    rmSync(join(generated, 'stale'), { recursive: true, force: true })
  }
}

function isThere(stamp: string): boolean {
  const file = join(generated, 'stamp')
  return existsSync(file) && readFileSync(file, 'utf8') === stamp
}

function generate(schema: string): void {
  const cli = join(dirname(resolve('prisma/package.json')), 'build', 'index.js')
  execFileSync(process.execPath, [cli, 'generate', '--schema', schema], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      // Not run to generate; without a file here, the CLI wants to download it.
      PRISMA_SCHEMA_ENGINE_BINARY: process.execPath,
      CHECKPOINT_DISABLE: '1',
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    },
  })
}

/**
 * Takes the runtime from the package, not from the copy beside it: that would find the packages it needs in whatever
 * version is hoisted. What the generator of 7.10 writes runs on 7.0, whose query compiler has another name.
 */
function runOn(name: string, compiler: string, folder: string): void {
  const runtime = `${name}/runtime`
  const { version } = JSON.parse(readFileSync(resolve(`${name}/package.json`), 'utf8'))
  rmSync(join(folder, 'runtime'), { recursive: true })
  for (const file of ['index.js', 'index.d.ts']) {
    const text = readFileSync(join(folder, file), 'utf8')
      .replaceAll('./runtime/', `${runtime}/`)
      .replaceAll(
        "require('./query_compiler_fast_bg.",
        `require('${runtime}/${compiler}.postgresql.`,
      )
      .replaceAll('query_compiler_fast_bg', compiler)
      .replace(/("clientVersion": )"[^"]+"/, `$1"${version}"`)
    writeFileSync(join(folder, file), text)
  }
}

if (process.argv[1] === import.meta.filename) generateClients()
