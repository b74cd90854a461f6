import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DENO_ENV, onBun, onDeno, onNode } from './programs.ts'

const PROGRAM = join(import.meta.dirname, '../src/observed.ts')

test.each([
  ['Node', onNode(PROGRAM)],
  ['Bun', onBun(PROGRAM)],
  ['Deno', onDeno(PROGRAM)],
])('%s has channels, and its listeners hear a request in its own context', (_name, command) => {
  const [program, ...args] = command
  const { stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, ...DENO_ENV },
  })
  expect(stderr).not.toContain('rror')
  expect(JSON.parse(stdout)).toEqual({
    heard: [
      ['/page', 'request'],
      ['served', 'local', 'request'],
    ],
    timing: expect.stringMatching(/^flyback;dur=[\d.]+;desc="region=syd role=replica /),
  })
})
