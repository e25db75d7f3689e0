import '../../node/polyfill.js'
import { type CrowdHost, createCrowdHost } from './crowd-host.js'

/** A process of a crowd: does what its parent asks, one answer for each question, and ends when the parent is gone. */
export interface CrowdCall {
  id: number
  method: keyof CrowdHost
  args: unknown[]
}

export type CrowdAnswer = { id: number } & ({ value: unknown } | { error: string })

const host = createCrowdHost()

const answer = (message: CrowdAnswer) => {
  if (process.connected) process.send?.(message)
}

process.on('message', ({ id, method, args }: CrowdCall) => {
  const act = host[method] as (...args: unknown[]) => Promise<unknown>
  act(...args).then(
    (value) => answer({ id, value }),
    (error: unknown) =>
      answer({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})
process.once('disconnect', () => process.exit(1))
