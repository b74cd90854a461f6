import { describeHandler } from '@flyback/testkit'
import { NEXT } from './next-app.ts'

const REWRITES = 'Next itself writes the query of a request anew, with or without Flyback'
const STAYS =
  'most of a page comes after its headers: a write there runs on the primary, and the response goes on'

describeHandler({
  ...NEXT,
  lacks: {
    'url-a-query': REWRITES,
    'url-an-empty-query': REWRITES,
    late: STAYS,
    'late-swallowed': STAYS,
    'carried-late': STAYS,
    upgrade: 'Next serves no WebSockets of an app',
  },
})
