import type { Store } from '../store/port.js'

/** What is kept of the market, so that amounts can be written as tokens while no chain can be asked. */
interface Remembered {
  decimals: number
}

const COLLECTION = 'market'
const KEY = 'terms'

export async function rememberDecimals(store: Store, decimals: number): Promise<void> {
  const terms = store.collection<Remembered>(COLLECTION)
  if ((await terms.get(KEY))?.decimals !== decimals) await terms.put(KEY, { decimals })
}

/** Undefined: no node of this directory has ever reached its chain. */
export async function recallDecimals(store: Store): Promise<number | undefined> {
  return (await store.collection<Remembered>(COLLECTION).get(KEY))?.decimals
}
