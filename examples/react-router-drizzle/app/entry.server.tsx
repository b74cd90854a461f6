import { PassThrough } from 'node:stream'
import { flybackErrors } from '@flyback/http/react-router'
import { createReadableStreamFromReadable } from '@react-router/node'
import { renderToPipeableStream } from 'react-dom/server'
import { type HandleDocumentRequestFunction, ServerRouter } from 'react-router'

export const streamTimeout = 5_000

// A replay is no error: without this, React Router prints one for each.
export const handleError = flybackErrors((error, { request }) => {
  if (!request.signal.aborted) console.error(error)
})

// The rest is React Router's own entry, as `react-router reveal entry.server` shows it, for browsers alone.
const handleRequest: HandleDocumentRequestFunction = (request, status, headers, context) =>
  new Promise((resolve, reject) => {
    let isShellOut = false
    const { pipe, abort } = renderToPipeableStream(
      <ServerRouter context={context} url={request.url} />,
      {
        onShellReady() {
          isShellOut = true
          const body = new PassThrough()
          headers.set('content-type', 'text/html')
          pipe(body)
          resolve(new Response(createReadableStreamFromReadable(body), { status, headers }))
        },
        onShellError: reject,
        onError(error) {
          if (isShellOut) console.error(error)
        },
        onAllReady: () => clearTimeout(timer),
      },
    )
    const timer = setTimeout(abort, streamTimeout + 1_000)
  })

export default handleRequest
