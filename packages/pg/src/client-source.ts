import type { ConnectionSource, EndpointName } from '@flyback/core'
import { connectFailures, type RoutedClient } from './routed-client.js'
import { sessionOf } from './session.js'

/** How clients are taken out of pg's pools, for the tables to judge. */
export function clientSource(
  connect: (endpoint: EndpointName) => Promise<RoutedClient>,
): ConnectionSource<RoutedClient> {
  return {
    connect,
    connectionOf: sessionOf,
    release: (client, destroy) => client.release(destroy),
    neverConnected,
  }
}

/** No connection was opened, and no server said why (an answer such as "password failed" has a severity). */
function neverConnected(error: unknown): boolean {
  const cause: unknown = Reflect.get(Object(error), 'cause')
  return [error, cause].some(
    (link) =>
      typeof link === 'object' &&
      link !== null &&
      connectFailures.has(link) &&
      typeof Reflect.get(link, 'severity') !== 'string',
  )
}
