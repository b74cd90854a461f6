import { expect, test } from 'vitest'
import { CookieJar } from '../src/world/cookie-jar.ts'

test('a jar keeps cookies by name, and forgets what it is told to', () => {
  const jar = new CookieJar()
  jar.take(['a=1; Path=/; Secure', 'b=2; Max-Age=60', 'c=3'])
  jar.take(['a=4', 'b=; Max-Age=0', 'c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
  expect(jar.header).toBe('a=4')
})
