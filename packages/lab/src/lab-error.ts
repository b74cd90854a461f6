/** Something the lab could not do: the message says what happened, with which value, and what to do. Never a password. */
export class LabError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'LabError'
  }
}
