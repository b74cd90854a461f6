import { execFileSync, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { generateClients } from '../../prisma/test/generate-clients.js'
import { manifestOf } from './packed.js'
import { type Age, PEERS } from './peers.js'

const HERE = join(import.meta.dirname, '..')
const SMOKE = join(HERE, 'smoke')

/** Where this package's own dependencies are, by the name they have here. */
export function installed(name: string): string {
  return realpathSync(join(HERE, 'node_modules', name))
}

/**
 * Makes the project of somebody who installed the packed files, beside the oldest or newest supported peers. The peers
 * are those of this workspace's lockfile, so nothing is fetched and nothing drifts.
 */
export function createConsumer(
  folder: string,
  age: Age,
  tarballs: ReadonlyMap<string, string>,
): void {
  const modules = join(folder, 'node_modules')
  for (const [name, tarball] of tarballs) {
    const target = join(modules, name)
    mkdirSync(target, { recursive: true })
    execFileSync('tar', ['-xzf', tarball, '-C', target, '--strip-components=1'])
  }
  for (const [name, versions] of Object.entries(PEERS)) {
    const target = join(modules, name)
    mkdirSync(dirname(target), { recursive: true })
    if (versions.copied) cpSync(installed(versions[age]), target, { recursive: true })
    else symlinkSync(installed(versions[age]), target)
  }
  // What is a peer of one and a dependency of another is there already.
  for (const name of tarballs.keys()) linkDependencies(modules, name, tarballs)
  for (const types of ['@types/node', '@types/pg']) {
    mkdirSync(dirname(join(modules, types)), { recursive: true })
    symlinkSync(installed(types), join(modules, types))
  }
  cpSync(SMOKE, folder, { recursive: true })
  copyPrismaClient(age, join(folder, 'generated'))
}

/** What a packed file needs beside the others of the family: a package of the registry, as this workspace has it. */
function linkDependencies(
  modules: string,
  name: string,
  family: ReadonlyMap<string, unknown>,
): void {
  const { dependencies = {} } = manifestOf(join(modules, name))
  const own = join(HERE, '..', basename(name), 'node_modules')
  for (const dependency of Object.keys(dependencies)) {
    const target = join(modules, dependency)
    if (family.has(dependency) || existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(realpathSync(join(own, dependency)), target)
  }
}

/** The client that Prisma's generator made for the tests of @flyback/prisma, with the runtime of the consumer's version. */
function copyPrismaClient(age: Age, target: string): void {
  generateClients()
  const client = age === 'oldest' ? 'client-7.0' : 'client'
  cpSync(join(HERE, '../prisma/node_modules/.generated', client), target, { recursive: true })
  const main = join(target, 'index.js')
  writeFileSync(
    main,
    readFileSync(main, 'utf8').replaceAll(`@prisma/${client}/`, '@prisma/client/'),
  )
}

/** Runs a program of the consumer; rejects with what it printed when it fails. */
export function runIn(
  folder: string,
  node: string,
  program: string,
  env: Readonly<Record<string, string>>,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(node, [program], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let printed = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        printed += text
      })
    }
    child.on('error', reject)
    child.on('exit', (code) => {
      if (code === 0) resolve(printed)
      else reject(new Error(`${program} on ${node} ended with ${code}:\n${printed}`))
    })
  })
}
