import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../.output/server/index.mjs', import.meta.url),
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  env: { HOST: '127.0.0.1' },
})
