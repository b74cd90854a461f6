/** What the main process tells the workers of the one lab they share. Holds the password. */
export interface ProvidedLab {
  readonly number: number
  readonly primaryRegion: string
  readonly user: string
  readonly password: string
  readonly regions: readonly ProvidedRegion[]
}

export interface ProvidedRegion {
  readonly region: string
  /** The variables of an app in the region, for the database of `ENV_DATABASE`. */
  readonly env: Readonly<Record<string, string>>
  readonly endpoints: Readonly<Record<'writer' | 'replica', ProvidedAddress>>
}

export interface ProvidedAddress {
  readonly host: string
  readonly port: number
}

declare module 'vitest' {
  interface ProvidedContext {
    flybackLab: ProvidedLab
  }
}
