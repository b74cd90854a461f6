import { expect, test } from 'vitest'
import { tellNotices } from '../../src/index.js'

test('a notice is told once per process, as a Node warning with its code', async () => {
  const heard: Error[] = []
  const listen = (warning: Error): void => {
    heard.push(warning)
  }
  process.on('warning', listen)
  const notice = { code: 'FLYBACK_TEST', message: 'told once' }
  tellNotices([notice])
  tellNotices([notice, notice])
  await new Promise((resolve) => setImmediate(resolve))
  process.off('warning', listen)
  expect(heard).toHaveLength(1)
  expect(heard[0]).toMatchObject({
    name: 'FlybackWarning',
    code: 'FLYBACK_TEST',
    message: 'told once',
  })
})
