import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type Step, type Story, tellStory } from '../src/compare/story.ts'
import { startWorlds } from '../src/compare/world.ts'

const MAIN = fileURLToPath(new URL('../src/compare/main.ts', import.meta.url))
const LAB_TIMEOUT_MS = 90_000

async function tell(): Promise<Story> {
  await using worlds = await startWorlds()
  return await tellStory(worlds)
}

/** What a visitor was shown, where it was made, and how it got there. */
function shown({ path, status, heading, location, madeIn, replayed }: Step): unknown[] {
  return [path, status, heading ?? location, madeIn, replayed]
}

test('next to a frozen replica a visitor who signed up is logged out without tokens, and sees the dashboard with them', {
  timeout: LAB_TIMEOUT_MS,
}, async () => {
  const { before, after, later } = await tell()
  expect(before.map(shown)).toEqual([
    ['/sign-up', 303, '/dashboard', undefined, 'method'],
    ['/dashboard', 303, '/log-in', undefined, undefined],
    ['/log-in', 200, 'Log in', 'syd', undefined],
  ])
  expect(before.flatMap(({ cookies }) => cookies)).toEqual(['connect.sid'])
  expect(after.map(shown)).toEqual([
    ['/sign-up', 303, '/dashboard', undefined, 'method'],
    ['/dashboard', 200, 'Hello, Grace', 'ewr', 'stale'],
    ['/dashboard', 200, 'Hello, Grace', 'ewr', 'stale'],
  ])
  expect(later.map(shown)).toEqual([
    ['/dashboard', 200, 'Hello, Grace', 'syd', undefined],
    ['/dashboard', 200, 'Hello, Grace', 'syd', undefined],
  ])
})

test('the program tells the same, ends with 0 and is plain text where no colour is wanted', {
  timeout: LAB_TIMEOUT_MS,
}, async () => {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => (output += String(text)))
  const [code] = await once(child, 'close')
  expect(code, output).toBe(0)
  expect(output).toMatch(/✗ Signed up a moment ago, and asked to log in/)
  expect(output).toMatch(/GET {2}\/dashboard .* Hello, Grace .* ewr .* replica behind/)
  expect(output).toMatch(/✓ Logged in: the replica has caught up/)
  expect(output).not.toContain('\u001B[')
})
