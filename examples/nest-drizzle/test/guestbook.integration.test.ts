import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../dist/main.js', import.meta.url),
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
})
