import { type Lab, type LabEndpoint, startLab } from '@flyback/lab'
import type { TestProject } from 'vitest/node'
import type { ProvidedAddress, ProvidedLab } from './provided-lab.js'

/**
 * Starts the one lab that all integration tests share, without distances. Tests take a database of their own in it
 * (`sharedLab().createDatabase()`); those that break things start a lab of their own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const lab = await startLab({ regions: ['ewr', 'iad', 'syd'], distanceScale: 0 })
  project.provide('flybackLab', provided(lab))
  return () => lab.close()
}

function provided(lab: Lab): ProvidedLab {
  const { number, primaryRegion, credentials } = lab
  const regions = lab.regions.map((region) => ({
    region,
    env: lab.env(region),
    endpoints: { writer: address(lab, region, 'writer'), replica: address(lab, region, 'replica') },
  }))
  return { number, primaryRegion, ...credentials, regions }
}

function address(lab: Lab, region: string, endpoint: LabEndpoint): ProvidedAddress {
  const { hostname, port } = new URL(lab.url(region, endpoint))
  return { host: hostname, port: Number(port) }
}
