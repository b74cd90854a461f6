import { processWide } from '../process-wide.js'

/** Something worth telling once per process: a fact about the configuration, and what to do about it. */
export interface Notice {
  /** Stable name, such as `FLYBACK_REGION_MISSING`. */
  readonly code: string
  readonly message: string
}

/**
 * Tells each notice once per process, as a Node warning (`--no-warnings` and `process.on('warning')` apply) or on the
 * console elsewhere.
 */
export function tellNotices(notices: readonly Notice[]): void {
  const told = processWide('notices', Set<string>)
  for (const notice of notices) {
    if (told.has(notice.message)) continue
    told.add(notice.message)
    warn(notice)
  }
}

function warn({ code, message }: Notice): void {
  const host: unknown = Reflect.get(globalThis, 'process')
  const emit: unknown =
    typeof host === 'object' && host !== null ? Reflect.get(host, 'emitWarning') : undefined
  if (typeof emit === 'function')
    Reflect.apply(emit, host, [message, { type: 'FlybackWarning', code }])
  else Reflect.get(globalThis, 'console')?.warn(`[${code}] ${message}`)
}
