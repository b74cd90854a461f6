import { type History, reads } from './history/history.ts'

/** What the histories of a check were made of, so that a check that has seen nothing is not taken for one that found nothing. */
export class Count {
  histories = 0
  requests = 0
  replays = 0
  faults = 0
  failovers = 0
  writes = 0
  /** Commits of unknown outcome. */
  unknown = 0
  readsOfReplicas = 0
  readsOfPrimary = 0
  readonly statuses = new Map<number, number>()

  add({ requests, faults }: History): void {
    this.histories++
    this.requests += requests.length
    this.faults += faults.length
    this.failovers += faults.filter(({ demoted }) => demoted !== undefined).length
    for (const { deliveries, status = 0 } of requests) {
      this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1)
      for (const delivery of deliveries) {
        if (delivery.status === 409) this.replays++
        for (const { tag, outcome } of delivery.operations) {
          if (tag !== undefined && outcome === 'done') this.writes++
          if (outcome === 'unknown') this.unknown++
        }
        for (const { role } of reads(delivery)) {
          if (role === 'replica') this.readsOfReplicas++
          else this.readsOfPrimary++
        }
      }
    }
  }

  toString(): string {
    const statuses = [...this.statuses].toSorted(([one], [other]) => one - other)
    return [
      `${this.histories} histories`,
      `${this.requests} requests (${statuses.map(([status, count]) => `${status || 'none'}: ${count}`).join(', ')})`,
      `${this.replays} replays`,
      `${this.writes} writes`,
      `${this.unknown} unknown commits`,
      `reads: ${this.readsOfReplicas} on replicas, ${this.readsOfPrimary} on the primary`,
      `${this.faults} faults, ${this.failovers} failovers`,
    ].join('; ')
  }
}
