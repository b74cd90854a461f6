import type { Plan } from './step.ts'

/** Plans with less in them, the much smaller ones first: without a run of steps, or without one operation of a request. */
export function* smallerPlans(plan: Plan): Generator<Plan> {
  for (let size = plan.length >> 1; size >= 1; size >>= 1) {
    for (let from = plan.length - size; from > -size; from -= size) {
      const rest = plan.filter((_, index) => index < from || index >= from + size)
      if (rest.length > 0) yield rest
    }
  }
  for (const [at, step] of plan.entries()) {
    if (step.type !== 'request' || step.operations.length === 1) continue
    for (const [drop] of step.operations.entries()) {
      const operations = step.operations.filter((_, index) => index !== drop)
      yield plan.with(at, { ...step, operations })
    }
  }
}
