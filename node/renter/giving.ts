import { equal } from '../../protocols/bytes.js'
import { NightshiftError } from '../../protocols/errors.js'
import type { Content, FindContent, TransferProgress } from '../content/port.js'
import type { Source } from '../files/port.js'

/** Inputs are sent once, and the rest again after a hitch; a provider does not make a renter upload without end. */
const RESENDS = 2

/**
 * Gives the inputs of one job to its provider, and those that are declared to be shared to whoever asks, until the returned function
 * is called.
 */
export function giveInputs(parts: {
  content: Pick<Content, 'offer' | 'announce' | 'withdraw' | 'pace'>
  peer: string
  sources: readonly Source[]
  onChunk: () => void
  onProgress: (name: string, progress: TransferProgress) => void
  /** The provider asks for more than it can need, or an input is not what it was. */
  onFailed: (error: NightshiftError) => void
}): () => void {
  const { content, peer, sources, onChunk, onProgress, onFailed } = parts
  let leftBytes = RESENDS * sources.reduce((sum, { bytes }) => sum + bytes, 0)
  const sentOf = new Map<Source, (sent: { bytes: number; held: number }) => void>()

  /** How far the provider is with one of them: what it had, and what it got since. */
  function countOf(source: Source): (sent: { bytes: number; held: number }) => void {
    const known = sentOf.get(source)
    if (known !== undefined) return known
    const pace = content.pace(source.bytes, (progress) => onProgress(source.name, progress))
    let reached: number | undefined
    const count = ({ bytes, held }: { bytes: number; held: number }) => {
      if (reached === undefined) pace.reach(held)
      reached = (reached ?? held) + bytes
      pace.reach(reached)
      leftBytes -= bytes
      onChunk()
      if (leftBytes < 0) onFailed(greedy(peer))
    }
    sentOf.set(source, count)
    return count
  }

  const find: FindContent = (root, asker) => {
    const source = sources.find(({ sha256 }) => equal(sha256, root))
    if (source === undefined || (asker !== peer && source.shared !== true)) return undefined
    return {
      bytes: source.bytes,
      ...(source.leaves === undefined ? {} : { leaves: source.leaves }),
      read: async (offset, length) => {
        const data = await source.read(offset, length)
        if (data.length === length) return data
        const error = changed(source.name)
        onFailed(error)
        throw error
      },
      ...(asker === peer ? { onSent: countOf(source) } : {}),
    }
  }

  const stop = content.offer(find)
  const shared = sources.filter((source) => source.shared === true)
  const announced = shared.filter(({ sha256 }) => content.announce(sha256))
  return () => {
    stop()
    for (const { sha256 } of announced) content.withdraw(sha256)
  }
}

function greedy(peer: string): NightshiftError {
  return new NightshiftError('PROVIDER_FAULTY', 'it asks for the inputs again and again', {
    advice: 'the job goes to the next bid; what no voucher pays for comes back',
    context: { peer },
  })
}

function changed(name: string): NightshiftError {
  return new NightshiftError('INPUT_CHANGED', `the input ${name} has become shorter`, {
    advice: 'do not change the inputs of a job while it runs; post the job again',
  })
}
