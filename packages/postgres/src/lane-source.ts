import type { ConnectionSource, EndpointName } from '@flyback/core'
import type { Lane } from './lane.js'
import type { LaneSet } from './lane-set.js'

/** The connections of both endpoints; one set where both names lead to the writer. */
export type LaneSets = Readonly<Record<EndpointName, LaneSet>>

/** How lanes are taken, for the tables to judge. */
export function laneSource(sets: LaneSets, alone: boolean): ConnectionSource<Lane> {
  return {
    connect: (endpoint) => sets[endpoint].take(alone),
    connectionOf: (lane) => lane,
    release: (lane, destroy) => giveBack(sets, lane, destroy ?? false),
    // An answer of a server ("password failed") has a severity.
    neverConnected: (error) => typeof Reflect.get(Object(error), 'severity') !== 'string',
  }
}

/** Takes back a lane that was taken from one of these sets. */
export function giveBack(sets: LaneSets, lane: Lane, destroy: boolean): void {
  sets[lane.link.endpoint].giveBack(lane, destroy)
}
