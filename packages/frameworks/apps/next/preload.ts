import { registerFlyback } from '@flyback/http/next'

// node --import ./preload.ts: requests are served from the moment that Next's server listens.
await registerFlyback()
