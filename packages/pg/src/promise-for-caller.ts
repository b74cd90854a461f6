/** As in pg: of the Promise class given, and an error's stack leads to the code that asked, not to the socket. */
export function promiseForCaller<T>(
  running: Promise<T>,
  Custom: PromiseConstructorLike | undefined,
): PromiseLike<T> {
  if (Custom !== undefined) return new Custom((resolve, reject) => running.then(resolve, reject))
  return running.catch((error: unknown) => {
    if (error instanceof Error) Error.captureStackTrace(error)
    throw error
  })
}
