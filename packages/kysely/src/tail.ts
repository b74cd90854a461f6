/** All parameters but the first. Kysely 0.29 has options where 0.28 has none: they are passed on, whatever they are. */
export type Tail<A extends readonly unknown[]> = A extends [unknown, ...infer Others]
  ? Others
  : never
