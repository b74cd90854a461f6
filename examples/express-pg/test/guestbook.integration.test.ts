import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../src/server.ts', import.meta.url),
  schema: new URL('../schema.sql', import.meta.url),
})
