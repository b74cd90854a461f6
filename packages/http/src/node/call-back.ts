/** `write` and `end` take a callback as their last argument: calls it as if all had been written. */
export function callBack(args: readonly unknown[]): void {
  const last = args.at(-1)
  if (typeof last === 'function') process.nextTick(() => Reflect.apply(last, undefined, []))
}
