import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../src/server.ts', import.meta.url),
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
})
