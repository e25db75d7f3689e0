/**
 * A node's own durable state. A write that has resolved survives `kill -9`.
 */
export interface Store {
  /** `name` is letters, digits, `-`, `_` and `/`. "events" and "events/5" are two collections. */
  collection<T>(name: string): Collection<T>
  close(): Promise<void>
}

/** Documents of one kind by key: plain data, with bigints and byte arrays. Listed in the order of their keys. */
export interface Collection<T> {
  get(key: string): Promise<T | undefined>
  put(key: string, value: T): Promise<void>
  delete(key: string): Promise<void>
  list(): Promise<Array<{ key: string; value: T }>>
}
