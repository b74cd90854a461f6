import { ConfigurationError } from '@flyback/core'

/** Signs and verifies texts. */
export interface Signer {
  /** The text and its signature. */
  sign(text: string): string
  /** The text, when one of the secrets has signed it. */
  verify(signed: string): string | undefined
}

const NOT_SIGNED: Signer = { sign: (text) => text, verify: (text) => text }
/** 128 bits of SHA-256. */
const SIGNATURE_CHARACTERS = 22
const SHORTEST_SECRET = 32

/**
 * HMAC-SHA-256; without a secret nothing is signed.
 *
 * @param secret one, or several while they are rotated: the first signs, all verify
 * @throws ConfigurationError naming the option, with nothing of its value
 */
export function createSigner(
  secret: string | readonly string[] | undefined,
  option: string,
): Signer {
  if (secret === undefined) return NOT_SIGNED
  const secrets: readonly unknown[] = typeof secret === 'string' ? [secret] : secret
  const isSecret = (value: unknown): value is string =>
    typeof value === 'string' && value.length >= SHORTEST_SECRET
  if (!Array.isArray(secrets) || secrets.length === 0 || !secrets.every(isSecret)) {
    throw new ConfigurationError(
      option,
      `must be a secret of at least ${SHORTEST_SECRET} characters, or a list of them`,
    )
  }
  const crypto = globalThis.process?.getBuiltinModule?.('node:crypto')
  if (crypto === undefined) {
    throw new ConfigurationError(option, 'needs node:crypto, which this runtime does not have')
  }
  const [first = '', ...rest] = secrets

  function signatureOf(text: string, key: string): string {
    if (crypto === undefined) return ''
    const hmac = crypto.createHmac('sha256', key).update(`flyback.token.${text}`)
    return hmac.digest('base64url').slice(0, SIGNATURE_CHARACTERS)
  }

  return {
    sign: (text) => `${text}.${signatureOf(text, first)}`,
    verify(signed) {
      const at = signed.lastIndexOf('.')
      const given = Buffer.from(signed.slice(at + 1))
      if (at < 1 || given.length !== SIGNATURE_CHARACTERS) return undefined
      const text = signed.slice(0, at)
      const matches = [first, ...rest].map((key) =>
        crypto.timingSafeEqual(given, Buffer.from(signatureOf(text, key))),
      )
      return matches.includes(true) ? text : undefined
    },
  }
}
