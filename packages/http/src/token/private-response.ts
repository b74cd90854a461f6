/** Who else might keep a response, by what it says. */
const SHARED: ReadonlySet<string> = new Set(['public', 's-maxage', 'proxy-revalidate'])

/**
 * The Cache-Control of a response that carries one client's token: as its app has it, but for that client alone.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9111#section-5.2.2.7 (read 2026-11-25)
 */
export function privateCacheControl(given: string | undefined): string {
  const directives = (given ?? '')
    .split(',')
    .map((directive) => directive.trim())
    .filter((directive) => directive !== '' && !SHARED.has(nameOf(directive)))
  const isPrivate = directives.some((directive) => {
    const name = nameOf(directive)
    // `private="field"` is about that field alone.
    return name === 'no-store' || directive.toLowerCase() === 'private'
  })
  return (isPrivate ? directives : ['private', ...directives]).join(', ')
}

function nameOf(directive: string): string {
  return directive.split('=', 1)[0]?.trim().toLowerCase() ?? ''
}
