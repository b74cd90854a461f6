import { createServer, type Server } from 'node:net'
import { LabError } from '../lab-error.js'
import { isAddressInUse, listenExactly } from './listen.js'

/** Whoever listens here has the lab number; the kernel lets go of it when the process ends, however it ends. */
const LOCK_PORT = 5431

/** Where there is only 127.0.0.1 (macOS), the number is in the port of the lock instead of in the address. */
const SHARED_LOCK_PORT_BASE = 54310

/** The members of a lab that was killed are there for a moment longer than its lock. */
const MEMBER_PORT = 5433

/** Where the port is taken at all these, it is taken everywhere: any number will do. */
const NUMBERS_TO_SKIP = 8

/** Address bytes run to 254; a few are left alone. */
const MAX_LAB_NUMBER = 250

export interface LabNumber {
  readonly number: number
  /** The address of the n-th region, counted from 1. */
  readonly host: (region: number) => string
  /** Whether each region has an address of its own, and so the usual ports. */
  readonly ownAddresses: boolean
  readonly release: () => Promise<void>
}

/**
 * Takes the lowest number that no other lab on this machine has, preferably with the ports of its members free.
 *
 * @throws {@link LabError} when all are taken
 */
export async function claimLabNumber(regionCount: number): Promise<LabNumber> {
  // Linux answers on all of 127.0.0.0/8, macOS only on 127.0.0.1 unless somebody adds aliases.
  const ownAddresses = process.platform === 'linux'
  for (let number = 1; number <= MAX_LAB_NUMBER; number++) {
    const lock = createServer()
    const taken = ownAddresses
      ? await take(lock, `127.${number}.0.1`, LOCK_PORT)
      : await take(lock, '127.0.0.1', SHARED_LOCK_PORT_BASE + number)
    if (!taken) continue
    lock.unref()
    const host = (region: number) => (ownAddresses ? `127.${number}.${region}.1` : '127.0.0.1')
    const release = () => new Promise<void>((resolve) => lock.close(() => resolve()))
    if (
      ownAddresses &&
      number <= NUMBERS_TO_SKIP &&
      !(await memberPortsAreFree(host, regionCount))
    ) {
      await release()
      continue
    }
    return { number, host, ownAddresses, release }
  }
  throw new LabError(
    `All ${MAX_LAB_NUMBER} lab numbers of this machine are taken: close a lab first`,
  )
}

async function memberPortsAreFree(
  host: (region: number) => string,
  regionCount: number,
): Promise<boolean> {
  for (let region = 1; region <= regionCount; region++) {
    const probe = createServer()
    if (!(await take(probe, host(region), MEMBER_PORT))) return false
    await new Promise((resolve) => probe.close(resolve))
  }
  return true
}

async function take(lock: Server, host: string, port: number): Promise<boolean> {
  try {
    await listenExactly(lock, host, port)
    return true
  } catch (error) {
    if (isAddressInUse(error)) return false
    throw error
  }
}
