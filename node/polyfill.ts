/**
 * libp2p 3 and its tree call `Promise.withResolvers`, which Node has had since version 22. Every entry point
 * imports this file before anything else, so that the program also runs on Node 20.
 */
interface Resolvers<T> {
  promise: Promise<T>
  resolve: (value: T | PromiseLike<T>) => void
  reject: (reason?: unknown) => void
}

const promises = Promise as PromiseConstructor & { withResolvers?: <T>() => Resolvers<T> }

promises.withResolvers ??= function withResolvers<T>(): Resolvers<T> {
  let resolve!: Resolvers<T>['resolve']
  let reject!: Resolvers<T>['reject']
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  return { promise, resolve, reject }
}
