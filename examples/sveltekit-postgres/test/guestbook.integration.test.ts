import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../build/index.js', import.meta.url),
  // The lab's edge speaks HTTP; behind Fly's, which speaks HTTPS, adapter-node knows its origin by itself.
  env: { PROTOCOL_HEADER: 'x-forwarded-proto' },
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  pages: true,
})
