import { sharedLab, type TestDatabase } from '@flyback/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { instance, type WrittenQuery } from '../src/driver-internals.js'
import { VERSIONS } from './versions.js'

// What src/driver-internals.ts says of the driver, one fact a test: a version that breaks one names it here.

let database: TestDatabase
beforeAll(async () => {
  database = await sharedLab().createDatabase()
})
afterAll(() => database.drop())

describe.each(VERSIONS)('postgres.js %s', (_version, driver) => {
  const open = (options: object = {}) =>
    instance(driver, database.url('ewr', 'writer'), { max: 1, onnotice: () => {}, ...options })

  test('a query has its handler, canceller, state and settling functions as own properties', () => {
    const query = open().unsafe('select 1')
    for (const name of [
      'strings',
      'args',
      'options',
      'handler',
      'canceller',
      'state',
      'active',
      'cancelled',
      'resolve',
      'reject',
    ]) {
      expect(Object.hasOwn(query, name), name).toBe(true)
    }
    expect(query.state).toBeNull()
    expect(typeof query.handler).toBe('function')
    expect(typeof query.canceller).toBe('function')
    expect(query.origin).toBeTypeOf('string')
  })

  test('the handler that a query has when it is executed is called once, with the query, one turn later', async () => {
    const query = open().unsafe('select 1')
    const calls: unknown[] = []
    query.handler = (given) => {
      calls.push(given)
      query.resolve('mine')
    }
    await Promise.resolve()
    expect(calls).toEqual([])
    expect(await query.execute()).toBe('mine')
    expect(await query).toBe('mine')
    expect(calls).toEqual([query])
  })

  test('its handler runs any object with the fields of a query, and leaves what it notes on that', async () => {
    const sql = open()
    const { handler } = sql.unsafe('')
    const query = sql.unsafe('select $1::int as one', [1], { prepare: true })
    for (const turn of [1, 2]) {
      const rows = await new Promise((resolve, reject) => {
        const attempt: WrittenQuery = Object.assign({ args: query.args }, query as object, {
          resolve,
          reject,
          state: null,
        })
        handler(attempt)
        if (turn === 2) expect(Object.keys(attempt)).toContain('parameters')
      })
      expect(rows).toEqual([{ one: 1 }])
    }
    expect(query.state).toBeNull()
    expect(query.parameters).toBeUndefined()
    await sql.end()
  })

  test('the text of a query is read first of all when it is written', async () => {
    const sql = open()
    const { handler } = sql.unsafe('')
    const read: string[] = []
    await new Promise((resolve) => {
      const note = <T>(name: string, value: T) => ({
        get() {
          read.push(name)
          return value
        },
      })
      const strings = note('strings', ['select 1'])
      const query = sql.unsafe('', ['x'])
      const options = note('options', query.options)
      const state = { value: null, writable: true }
      handler(
        Object.create(query, {
          strings,
          options,
          state,
          resolve: { value: resolve },
          reject: { value: resolve },
        }),
      )
    })
    expect(read[0]).toBe('strings')
    await sql.end()
  })

  test('options with `shared` are taken as they are: parsers, serialisers and types of arrays can be shared', async () => {
    const { options } = open()
    const own = { ...options, parameters: {}, shared: { ...options.shared, retries: 0 } }
    const sql = instance(driver, own)
    expect(sql.options).toBe(own)
    own.parsers[23] = (text) => `parsed ${text}`
    expect(await sql.unsafe('select 1 as one')).toEqual([{ one: 'parsed 1' }])
    await sql.end()
  })

  test('onparameter hears what a connection announces, before its first query is answered; onclose of its end, once', async () => {
    const heard = new Map<string, string>()
    let closed = 0
    const sql = open({
      onparameter: (name: string, value: string) => heard.set(name, value),
      onclose: () => closed++,
    })
    await sql.unsafe('')
    expect(heard.get('in_hot_standby')).toBe('off')
    expect(heard.get('default_transaction_read_only')).toBe('off')
    await sql.end()
    expect(closed).toBe(1)
  })

  test('onexecute of a simple statement is given the connection, whose `reserved` is called inside a transaction only', async () => {
    const sql = open()
    const { handler } = sql.unsafe('')
    const run = (text: string) =>
      new Promise<string>((resolve, reject) => {
        let left = 'closed'
        const onexecute = (connection: { reserved: (() => void) | null }): boolean => {
          connection.reserved = () => {
            connection.reserved = null
            left = 'open'
          }
          return true
        }
        const query = sql.unsafe(text)
        const options = { value: { ...query.options, onexecute } }
        const state = { value: null, writable: true }
        const done = (): void => queueMicrotask(() => resolve(left))
        handler(
          Object.create(query, {
            options,
            state,
            resolve: { value: done },
            reject: { value: reject },
          }),
        )
      })
    expect(await run('select 1')).toBe('closed')
    expect(await run('select 1; begin; select 2')).toBe('open')
    await sql.end({ timeout: 0 })
  })

  test('a canceller takes a query out of the queue, and rejects it', async () => {
    const sql = open()
    const query = sql.unsafe('select 1')
    const { canceller } = query
    const rejected = new Promise((resolve) => {
      query.reject = resolve
    })
    canceller?.(query)
    expect(await rejected).toMatchObject({ code: '57014' })
  })

  test('after `end` a handler rejects with CONNECTION_ENDED', async () => {
    const sql = open()
    const { handler } = sql.unsafe('')
    await sql.end()
    const query = sql.unsafe('select 1')
    const rejected = new Promise((resolve) => {
      query.reject = resolve
    })
    handler(query)
    expect(await rejected).toMatchObject({ code: 'CONNECTION_ENDED' })
  })

  test('a parser marked as one of arrays is given its text without the opening brace', async () => {
    const sql = open({ fetch_types: false })
    sql.options.parsers[1007] = Object.assign((text: string) => text, { array: true })
    expect(await sql.unsafe('select array[1, 2] as a')).toEqual([{ a: '1,2}' }])
    await sql.end()
  })

  test('largeObject begins on the instance it is of', async () => {
    const sql = open()
    sql.begin = () => Promise.reject(new Error('mine'))
    await expect(sql.largeObject()).rejects.toThrow('mine')
  })
})
