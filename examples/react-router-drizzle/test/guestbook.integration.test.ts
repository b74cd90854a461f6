import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../node_modules/@react-router/serve/bin.cjs', import.meta.url),
  args: [new URL('../build/server/index.js', import.meta.url).pathname],
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  pages: true,
})
