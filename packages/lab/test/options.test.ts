import { expect, test } from 'vitest'
import { LabError } from '../src/index.js'
import { type LabOptions, planLab } from '../src/options.js'

test('the first region has the primary, and distances come from the globe', () => {
  const plan = planLab({ regions: ['ewr', 'iad'] })
  expect(plan).toMatchObject({ regions: ['ewr', 'iad'], primary: 'ewr', distanceScale: 1 })
  expect(plan.roundTripMs('ewr', 'iad')).toBeGreaterThan(3)
})

test('a distance given in either order holds in both', () => {
  const plan = planLab({
    regions: ['ewr', 'iad', 'syd'],
    distances: { 'iad-ewr': 90, 'ewr-syd': 0 },
  })
  expect(plan.roundTripMs('ewr', 'iad')).toBe(90)
  expect(plan.roundTripMs('iad', 'ewr')).toBe(90)
  expect(plan.roundTripMs('syd', 'ewr')).toBe(0)
})

test("regions of one's own work with distances of one's own", () => {
  const plan = planLab({ regions: ['here', 'there'], distances: { 'here-there': 12 } })
  expect(plan.roundTripMs('there', 'here')).toBe(12)
})

test.each<[string, LabOptions, RegExp]>([
  ['no region', { regions: [] }, /at least one region/],
  ['a region twice', { regions: ['ewr', 'iad', 'ewr'] }, /'ewr' is there twice/],
  ['a region that is no name', { regions: ['ewr', 'I AD'] }, /'I AD' is not a region name/],
  [
    'a primary elsewhere',
    { regions: ['ewr'], primary: 'syd' },
    /primary: 'syd' is not one of the regions \(ewr\)/,
  ],
  ['a region nobody knows', { regions: ['ewr', 'moon'] }, /distances: \{ 'ewr-moon': 40 \}/],
  [
    'a negative distance',
    { regions: ['ewr', 'iad'], distances: { 'ewr-iad': -1 } },
    /'ewr-iad' is -1/,
  ],
  [
    'a distance of NaN',
    { regions: ['ewr', 'iad'], distances: { 'ewr-iad': Number.NaN } },
    /'ewr-iad' is NaN/,
  ],
  [
    'a distance to a stranger',
    { regions: ['ewr', 'iad'], distances: { 'ewr-syd': 9 } },
    /'ewr-syd' is not a pair/,
  ],
  [
    'a distance to oneself',
    { regions: ['ewr', 'iad'], distances: { 'ewr-ewr': 9 } },
    /'ewr-ewr' is not a pair/,
  ],
  ['a negative scale', { regions: ['ewr'], distanceScale: -1 }, /distanceScale: -1/],
  [
    'a setting that is no name',
    { regions: ['ewr'], settings: { 'work_mem = 1\nport': 1 } },
    /is not the name of a Postgres setting/,
  ],
  ['a setting of the lab', { regions: ['ewr'], settings: { port: 1 } }, /'port' is the lab's own/],
  [
    'a setting of two lines',
    { regions: ['ewr'], settings: { work_mem: '1MB\nport=1' } },
    /'work_mem' is not/,
  ],
])('%s is refused by name', (_what, options, message) => {
  expect(() => planLab(options)).toThrow(LabError)
  expect(() => planLab(options)).toThrow(message)
})
