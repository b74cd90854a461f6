import { describeHandler } from '@flyback/testkit'
import { SVELTEKIT_ENV, svelteKit } from './built-apps.ts'

describeHandler({ name: 'SvelteKit', ...svelteKit(), env: SVELTEKIT_ENV })
