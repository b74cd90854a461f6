/** However a value of JavaScript prints: what the driver does with names and payloads of any type. */
export function asText(value: unknown): string {
  return String(value)
}
