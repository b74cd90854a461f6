import { MIXED, type Profile } from './any-plan.ts'

const NO_FAULT = {
  freeze: 0,
  resume: 0,
  slow: 0,
  restart: 0,
  cut: 0,
  heal: 0,
  clone: 0,
  failover: 0,
  pause: 0,
}

/** Replicas stand still, and one statement after another runs: whatever lets somebody read the past shows. */
export const STALE: Profile = {
  ...MIXED,
  steps: 20,
  clients: 2,
  levels: [[1, 'session']],
  operations: [
    [3, 'read'],
    [2, 'write'],
  ],
  ownLevels: [[1, undefined]],
  policies: [[1, 'replay']],
  gets: 60,
  weights: { ...NO_FAULT, request: 10, freeze: 2, resume: 0.5 },
  held: 0,
  lost: 0,
  unawaited: 0,
  handedOver: 0,
}

/** The first write after a replica has stopped, and a read of it there: one record is what it lacks. */
export const EDGE: Profile = {
  ...STALE,
  steps: 40,
  operationsEach: 1,
  weights: { ...NO_FAULT, request: 10, freeze: 5, resume: 5 },
}

/** Clients read, now here and now there, what others write. */
export const MONOTONIC: Profile = {
  ...STALE,
  levels: [[1, 'monotonic']],
  operations: [
    [6, 'read'],
    [1, 'write'],
  ],
  operationsEach: 1,
  gets: 95,
}

/** Replicas are a little late, and reads are transactions. */
export const LATE: Profile = {
  ...STALE,
  operations: [
    [3, 'read-transaction'],
    [2, 'write'],
  ],
  weights: { ...NO_FAULT, request: 10, slow: 2 },
}

/** A failover loses commits, and the old primary comes back as a replica with a longer history. */
export const SPLIT: Profile = {
  ...STALE,
  clients: 1,
  operationsEach: 1,
  weights: { ...NO_FAULT, request: 10, failover: 2 },
  failover: { place: 1, loses: 0, isLonger: true, old: 'replica', redeploys: true },
}

/** Answers arrive in another order. */
export const REORDERED: Profile = {
  ...STALE,
  weights: { ...NO_FAULT, request: 10 },
  held: 40,
}

/** Writes are forwarded, and the reads after them need not be fresh. */
export const FORWARDED: Profile = {
  ...STALE,
  ownLevels: [
    [1, undefined],
    [1, 'eventual'],
  ],
  policies: [[1, 'forward']],
}

/** The outcome of commits is not known. */
export const UNKNOWN: Profile = {
  ...STALE,
  operations: [
    [3, 'read'],
    [1, 'unknown-commit'],
  ],
}
