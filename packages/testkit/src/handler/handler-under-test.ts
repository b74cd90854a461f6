/** What a framework or a runtime may not have. Each has at least one case. */
export type HandlerFeature =
  /** A middleware of its own that compresses responses. */
  | 'compression'
  /** WebSockets, decided before the upgrade. */
  | 'upgrade'

/** One framework on one runtime: a program that serves the contract's app (`@flyback/frameworks/app`). */
export interface HandlerUnderTest {
  /** As in the table of the docs. */
  readonly name: string
  /** The program and its arguments. It listens on `HOST` and `PORT`. */
  readonly command: readonly [program: string, ...args: string[]]
  /** @default the folder of the test run */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** What it cannot do, and why: a feature, or one case by its id. The docs list it. */
  readonly lacks?: Readonly<Record<string, string>>
}
