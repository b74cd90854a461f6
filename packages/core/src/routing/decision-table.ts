/** One row of a decision table: data in code, and the title of a test. */
export interface Row<Input, Outcome> {
  readonly title: string
  readonly when: (input: Input) => boolean
  readonly gives: Outcome
}

/** What the first row that matches gives. The last row of every table matches everything. */
export function decide<Input, Outcome>(
  table: readonly Row<Input, Outcome>[],
  input: Input,
): Outcome {
  for (const row of table) if (row.when(input)) return row.gives
  throw new TypeError('the last row of a decision table must match everything')
}
