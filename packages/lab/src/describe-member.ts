import type { Cluster } from './cluster.js'
import type { Member } from './lab.js'

/** The member of a region, read live. */
export function describeMember(cluster: Cluster, region: string): Member {
  const member = cluster.member(region)
  return {
    region,
    host: member.host,
    port: member.port,
    get running() {
      return member.running
    },
    get frozen() {
      return cluster.frozen.has(region)
    },
    get delayMs() {
      return cluster.slow.get(region) ?? 0
    },
    get hung() {
      return member.hung
    },
    get cut() {
      return cluster.wan.isCut(region)
    },
    get pid() {
      return member.pid
    },
    role: () =>
      cluster.connect(region, async (client) => {
        const sql = 'select pg_is_in_recovery() as recovering'
        const { rows } = await client.query<{ recovering: boolean }>(sql)
        return rows[0]?.recovering === true ? 'replica' : 'primary'
      }),
  }
}
