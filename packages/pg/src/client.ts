import pg from 'pg'
import { type ClientConstructor, createClientClass } from './create-client-class.js'

/** A pg.Client that connects to the replica beside it. */
export interface Client extends pg.Client {}

/** A drop-in for pg's Client. */
export const Client: ClientConstructor = createClientClass(pg)
