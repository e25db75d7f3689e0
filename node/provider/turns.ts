/** Runs acts of one name one after another, acts of different names side by side. */
export interface Turns {
  take<T>(name: string, act: () => Promise<T>): Promise<T>
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take: (name, act) => {
      const mine = (last.get(name) ?? Promise.resolve()).then(act)
      const settled = mine
        .catch(() => {})
        .then(() => {
          if (last.get(name) === settled) last.delete(name)
        })
      last.set(name, settled)
      return mine
    },
  }
}
