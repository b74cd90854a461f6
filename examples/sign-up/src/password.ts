import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const SALT_BYTES = 16
const HASH_BYTES = 32

/** What is kept of a password. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  return `${salt.toString('hex')}:${(await hash(password, salt)).toString('hex')}`
}

/** Whether a password is the one of which this was kept. */
export async function isPassword(password: string, kept: string): Promise<boolean> {
  const [salt = '', expected = ''] = kept.split(':').map((part) => Buffer.from(part, 'hex'))
  return timingSafeEqual(await hash(password, Buffer.from(salt)), Buffer.from(expected))
}

function hash(password: string, salt: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
