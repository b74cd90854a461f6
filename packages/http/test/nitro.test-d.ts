import type { NitroAppPlugin as Nitro3Plugin } from 'nitro/types'
import type { NitroAppPlugin as Nitro2Plugin } from 'nitropack/types'
import { expectTypeOf, test } from 'vitest'
import { flyback } from '../src/nitro.js'

test('flyback() is a plugin of Nitro 2 and of Nitro 3', () => {
  expectTypeOf(flyback()).toExtend<Nitro2Plugin>()
  expectTypeOf(flyback()).toExtend<Nitro3Plugin>()
})

test('match has to tell the two kinds of request apart', () => {
  flyback({
    routes: [
      {
        match: (request) =>
          request instanceof Request ? request.headers.has('x-stay') : 'x-stay' in request.headers,
        policy: 'forward',
      },
      // @ts-expect-error Nitro 2 has Node's requests
      { match: (request) => request.headers.has('x-stay'), policy: 'forward' },
    ],
  })
})
