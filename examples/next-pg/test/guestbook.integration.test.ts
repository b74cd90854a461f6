import { describeGuestbook } from '@flyback/testkit'

describeGuestbook({
  server: new URL('../node_modules/next/dist/bin/next', import.meta.url),
  args: ['start', new URL('..', import.meta.url).pathname, '-H', '127.0.0.1'],
  env: { NEXT_TELEMETRY_DISABLED: '1' },
  schema: new URL('../../express-pg/schema.sql', import.meta.url),
  pages: true,
})
