import type { Environment } from '@flyback/core'

const machine = { FLY_APP_NAME: 'app', FLY_MACHINE_ID: 'm1', PRIMARY_REGION: 'ewr' }

/** A machine on Fly away from the primary. */
export const REPLICA: Environment = { ...machine, FLY_REGION: 'syd' }
/** A machine on Fly in the primary region. */
export const PRIMARY: Environment = { ...machine, FLY_REGION: 'ewr' }
/** Away from the primary, on no platform we know. */
export const NO_PLATFORM: Environment = { FLYBACK_REGION: 'syd', FLYBACK_PRIMARY_REGION: 'ewr' }
/** A laptop. */
export const SINGLE: Environment = {}
