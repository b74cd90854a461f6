import { describe, expect, test } from 'vitest'
import { verifySession } from '../src/verifiers/session.ts'
import { history, request, saw, wrote } from './made-history.ts'

describe('read your writes', () => {
  test('holds when a later read sees what was written', () => {
    expect(
      verifySession(history([request(0, 0, [wrote('a')]), request(1, 5, [saw('a')])])),
    ).toEqual([])
  })

  test('is broken when it does not, and the two requests are named', () => {
    const found = verifySession(history([request(0, 0, [wrote('a')]), request(1, 5, [saw()])]))
    expect(found).toMatchObject([{ promise: 'read-your-writes', requests: [0, 1] }])
  })

  test('says nothing of requests that were sent before the answer arrived, or whose answer never did', () => {
    const held = request(0, 0, [wrote('a')], { receivedMs: 9 })
    const { receivedMs: _never, ...lost } = request(0, 0, [wrote('a')])
    expect(verifySession(history([held, request(1, 5, [saw()])]))).toEqual([])
    expect(verifySession(history([lost, request(1, 5, [saw()])]))).toEqual([])
  })

  test('says nothing of another client, until the token is handed over', () => {
    const other = (more: object) => request(1, 5, [saw()], { client: 'c1', ...more })
    expect(verifySession(history([request(0, 0, [wrote('a')]), other({})]))).toEqual([])
    const found = verifySession(history([request(0, 0, [wrote('a')]), other({ handedOver: 0 })]))
    expect(found).toMatchObject([{ requests: [0, 1] }])
  })

  test('is owed from then on by whom the token was handed to', () => {
    const found = verifySession(
      history([
        request(0, 0, [wrote('a')]),
        request(1, 5, [saw('a')], { client: 'c1', handedOver: 0 }),
        request(2, 9, [saw()], { client: 'c1' }),
      ]),
    )
    expect(found).toMatchObject([{ requests: [0, 2] }])
  })

  test('leaves out what an asynchronous failover has lost', () => {
    const lost = history([request(0, 0, [wrote('a')]), request(1, 5, [saw()])], { tags: [] })
    expect(verifySession(lost)).toEqual([])
  })

  test('counts a commit of unknown outcome that is there', () => {
    const unknown = request(0, 0, [{ tag: 'a', outcome: 'unknown' }])
    expect(verifySession(history([unknown, request(1, 5, [saw()])]))).toHaveLength(1)
    expect(verifySession(history([unknown, request(1, 5, [saw()])], { tags: [] }))).toEqual([])
  })

  test('holds within a request at every level, and between requests not at `eventual`', () => {
    const eventual = { level: 'eventual' } as const
    const own = request(0, 0, [wrote('a'), { ...saw(), beginMs: 0.6 }], eventual)
    expect(verifySession(history([own]))).toMatchObject([{ requests: [0] }])
    const later = request(1, 5, [saw()], eventual)
    expect(verifySession(history([request(0, 0, [wrote('a')]), later]))).toEqual([])
  })
})
