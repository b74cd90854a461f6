import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseReplay } from '../../src/edge/parse-replay.js'
import { parseReplayJson } from '../../src/edge/parse-replay-json.js'
import { describeReplay } from '../../src/edge/replay.js'

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#replay-header-format */
describe('the header form', () => {
  it.each([
    ['region=ewr', { regions: ['ewr'] }],
    ['region="iad,ord,us,na"', { regions: ['iad', 'ord', 'us', 'na'] }],
    ['region="sjc, any"', { regions: ['sjc', 'any'] }],
    ['instance=00bb33ff', { instance: '00bb33ff' }],
    ['prefer_instance="00bb33ff"', { preferInstance: '00bb33ff' }],
    ['region="sjc,any";app=shop', { regions: ['sjc', 'any'], app: 'shop' }],
    [' region=ewr ; state=a.b:c_d-1 ;', { regions: ['ewr'], state: 'a.b:c_d-1' }],
    ['elsewhere=true', { elsewhere: true }],
    ['region=ewr;elsewhere=false', { regions: ['ewr'] }],
    [
      'app=w;timeout=10s;fallback=force_self',
      { app: 'w', timeoutMs: 10_000, fallback: 'force_self' },
    ],
    [
      'app=w;timeout=800ms;fallback=prefer_self',
      { app: 'w', timeoutMs: 800, fallback: 'prefer_self' },
    ],
    ['region=ewr;state="a;b,c"', { regions: ['ewr'], state: 'a;b,c' }],
  ])('reads %s', (value, replay) => {
    expect(parseReplay(value)).toEqual(replay)
  })

  it.each([
    '',
    ';',
    'region',
    'region=',
    'region=iad,ewr',
    'region=ewr, region=iad',
    'region=ewr;region=iad',
    'region="ewr',
    'region=e"w"r',
    'Region=ewr',
    'region=EWR',
    'region="ewr,"',
    'instance=a/b',
    'state=x',
    'timeout=1s',
    'region=ewr;timeout=1',
    'region=ewr;timeout=-1s',
    'region=ewr;timeout=1h',
    'region=ewr;fallback=self',
    'region=ewr;elsewhere=yes',
    'region=ewr;cache=x',
    'elsewhere=false',
    'region=ewr;state=a,b',
  ])('refuses %j', (value) => {
    expect(parseReplay(value)).toEqual({ invalid: expect.any(String) })
  })

  it('never throws, and lets nothing through that is not in its closed form', () => {
    const field = fc.tuple(
      fc.constantFrom(
        'region',
        'instance',
        'prefer_instance',
        'app',
        'state',
        'elsewhere',
        'timeout',
        'fallback',
        'x',
      ),
      fc.oneof(fc.string(), fc.constantFrom('ewr', '"iad,any"', 'true', '10s', 'force_self')),
    )
    const near = fc
      .array(field)
      .map((fields) => fields.map(([key, value]) => `${key}=${value}`).join(';'))
    const any = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), near)
    fc.assert(
      fc.property(any, (value) => {
        const replay = parseReplay(value)
        if ('invalid' in replay) return
        expect(describeReplay(replay)).toMatch(/^[\w=;,-]+$/)
        expect(replay.state ?? '').toMatch(/^[\x20-\x7e]*$/)
        expect(replay.timeoutMs ?? 0).toBeGreaterThanOrEqual(0)
      }),
      { numRuns: 2000 },
    )
  })

  it('names fields in its reasons, never their values', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Z]{8}$/), (secret) => {
        expect(JSON.stringify(parseReplay(`region=ewr;timeout=${secret}`))).not.toContain(secret)
        expect(JSON.stringify(parseReplay(`${secret.toLowerCase()}=1`))).not.toContain(
          secret.toLowerCase(),
        )
      }),
    )
  })
})

/** @see docs/lab-edge-rules.md; https://fly.io/docs/networking/dynamic-request-routing/#json-structure */
describe('the JSON form', () => {
  it('reads all of its fields', () => {
    const document = {
      app: 'shop',
      region: 'iad,us',
      state: 'x',
      elsewhere: true,
      timeout: '2s',
      fallback: 'prefer_self',
      transform: {
        path: '/p?q=1',
        delete_headers: ['Cookie'],
        set_headers: [{ name: 'X-A', value: 'b' }],
      },
    }
    expect(parseReplayJson(JSON.stringify(document))).toEqual({
      app: 'shop',
      regions: ['iad', 'us'],
      state: 'x',
      elsewhere: true,
      timeoutMs: 2000,
      fallback: 'prefer_self',
      transform: { path: '/p?q=1', deleteHeaders: ['cookie'], setHeaders: [['x-a', 'b']] },
    })
  })

  it.each([
    [
      { prefix: '/a/*', ttl: 60 },
      { kind: 'store', pattern: '/a/*', ttlSeconds: 60, allowBypass: false },
    ],
    [
      { prefix: '/a/*', ttl: 60, allow_bypass: true },
      { kind: 'store', pattern: '/a/*', ttlSeconds: 60, allowBypass: true },
    ],
    [{ invalidate: true }, { kind: 'invalidate' }],
  ])('reads the cache order %j', (cache, order) => {
    expect(parseReplayJson(JSON.stringify({ app: 'shop', cache }))).toEqual({
      app: 'shop',
      cache: order,
    })
  })

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseReplayJson(text)).toBeTypeOf('object')
      }),
    )
    const key = fc.constantFrom(
      'region',
      'app',
      'state',
      'transform',
      'cache',
      'elsewhere',
      '__proto__',
    )
    fc.assert(
      fc.property(fc.dictionary(key, fc.jsonValue()), (document) => {
        expect(parseReplayJson(JSON.stringify(document))).toBeTypeOf('object')
      }),
    )
  })
})
