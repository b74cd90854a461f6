import type { HeadersFunction } from 'react-router'

/** What a loader or an action set is sent with the page, too. */
export const routeHeaders: HeadersFunction = ({ loaderHeaders, actionHeaders }) =>
  new Headers([...loaderHeaders, ...actionHeaders])
