import { describeHandler } from '@flyback/testkit'
import { SVELTEKIT_ENV, svelteKit } from './built-apps.ts'
import { onBun } from './programs.ts'

describeHandler({ name: 'SvelteKit on Bun', ...svelteKit(onBun), env: SVELTEKIT_ENV })
