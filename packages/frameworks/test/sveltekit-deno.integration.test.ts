import { describeHandler } from '@flyback/testkit'
import { SVELTEKIT_ENV, svelteKit } from './built-apps.ts'
import { DENO_ENV, onDeno } from './programs.ts'

const env = { ...SVELTEKIT_ENV, ...DENO_ENV }

describeHandler({ name: 'SvelteKit on Deno', ...svelteKit(onDeno), env })
