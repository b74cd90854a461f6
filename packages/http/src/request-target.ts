/** The path and query of a URL, exactly as they were sent; what proxies send as a full URL is cut to these. */
export function requestTarget(url: string): string {
  const cut = url.replace(/^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i, '')
  return cut === '*' || cut.startsWith('/') ? cut : `/${cut}`
}
