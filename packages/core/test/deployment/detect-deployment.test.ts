import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { detectDeployment } from '../../src/index.js'

describe('detectDeployment', () => {
  const cases: [title: string, env: Record<string, string>, role: string, notices: number][] = [
    ['no variables is single', {}, 'single', 0],
    ['the same region is primary', { FLY_REGION: 'ewr', PRIMARY_REGION: 'ewr' }, 'primary', 0],
    ['another region is replica', { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' }, 'replica', 0],
    [
      'upper case and spaces do not count',
      { FLY_REGION: ' EWR ', PRIMARY_REGION: 'ewr\n' },
      'primary',
      0,
    ],
    ['an empty region is unset', { FLY_REGION: '', PRIMARY_REGION: 'ewr' }, 'single', 1],
    ['a blank region is unset', { FLY_REGION: '  ', PRIMARY_REGION: 'ewr' }, 'single', 1],
    ['the string false is unset', { FLY_REGION: 'iad', PRIMARY_REGION: 'false' }, 'single', 1],
    [
      'the string undefined is unset',
      { FLY_REGION: 'undefined', PRIMARY_REGION: 'ewr' },
      'single',
      1,
    ],
    ['both empty is single without a notice', { FLY_REGION: '', PRIMARY_REGION: '' }, 'single', 0],
    ['a region alone is single', { FLY_REGION: 'iad' }, 'single', 1],
    ['a primary region alone is single', { PRIMARY_REGION: 'ewr' }, 'single', 1],
    [
      'what is no region name is ignored',
      { FLY_REGION: 'iad;evil', PRIMARY_REGION: 'ewr' },
      'single',
      2,
    ],
    [
      'a release machine is primary wherever it runs',
      { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', RELEASE_COMMAND: '1' },
      'primary',
      0,
    ],
    [
      'RELEASE_COMMAND=false is no release machine',
      { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', RELEASE_COMMAND: 'false' },
      'replica',
      0,
    ],
    [
      'FLYBACK_REGION overrides FLY_REGION',
      { FLY_REGION: 'ewr', FLYBACK_REGION: 'iad', PRIMARY_REGION: 'ewr' },
      'replica',
      0,
    ],
    [
      'FLYBACK_PRIMARY_REGION overrides PRIMARY_REGION',
      { FLY_REGION: 'iad', PRIMARY_REGION: 'ewr', FLYBACK_PRIMARY_REGION: 'iad' },
      'primary',
      0,
    ],
    [
      'the visitor header Fly-Region is not read',
      { 'Fly-Region': 'iad', HTTP_FLY_REGION: 'iad', PRIMARY_REGION: 'ewr' },
      'single',
      1,
    ],
  ]
  test.each(cases)('%s', (_title, env, role, notices) => {
    const deployment = detectDeployment(env)
    expect(deployment.role).toBe(role)
    expect(deployment.notices).toHaveLength(notices)
  })

  test('says which variable named each region', () => {
    const deployment = detectDeployment({ FLYBACK_REGION: 'iad', PRIMARY_REGION: 'ewr' })
    expect(deployment).toMatchObject({
      region: 'iad',
      primaryRegion: 'ewr',
      regionFrom: 'FLYBACK_REGION',
      primaryRegionFrom: 'PRIMARY_REGION',
    })
  })

  test('a notice names the missing variable', () => {
    expect(detectDeployment({ FLY_REGION: 'iad' }).notices[0]?.message).toContain('PRIMARY_REGION')
    expect(detectDeployment({ PRIMARY_REGION: 'iad' }).notices[0]?.message).toContain('FLY_REGION')
  })

  test('never throws and yields only region names, for any environment', () => {
    const names = fc.constantFrom(
      'FLY_REGION',
      'PRIMARY_REGION',
      'FLYBACK_REGION',
      'RELEASE_COMMAND',
    )
    fc.assert(
      fc.property(fc.dictionary(names, fc.string({ unit: 'binary' })), (env) => {
        const { region, primaryRegion } = detectDeployment(env)
        for (const name of [region, primaryRegion]) {
          if (name !== undefined) expect(name).toMatch(/^[a-z0-9-]{1,32}$/)
        }
      }),
    )
  })
})
