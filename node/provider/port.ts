import { isRefusal, NightshiftError, type Refusal } from '../../protocols/errors.js'
import { forwardProtocol } from '../../protocols/job/port/protocol.js'
import { PORT_LIMITS } from '../../protocols/job/port/rules.js'
import type { ForwardRequest, ForwardResponse } from '../../protocols/job/port/wire.js'
import type { Clock } from '../../protocols/ports.js'
import type { Engine } from '../net/ports.js'
import { carry, receiveFirst, type Session } from '../net/session.js'
import type { Run } from '../runtime/port.js'
import type { Ledger } from './ledger.js'

export interface PortParts {
  engine: Engine
  ledger: Pick<Ledger, 'get'>
  /** What runs for a lease now. */
  runOf: (lease: Uint8Array) => Run | undefined
  clock: Clock
}

/**
 * Connections of a renter to the ports of its own running job, and of nobody else: the lease says whose job it is, the
 * order which ports it has. Resolves to what takes the protocol back.
 */
export async function serveForwards(parts: PortParts): Promise<() => Promise<void>> {
  const { engine, clock } = parts

  async function serve(session: Session<ForwardResponse, ForwardRequest>): Promise<void> {
    const open = (await receiveFirst(session, clock))?.open
    const connection = open === undefined ? malformed() : await connect(open, session.peer)
    if (isRefusal(connection)) {
      const { refused: reason, detail } = connection
      return session.send({ denied: { reason, detail: detail.slice(0, PORT_LIMITS.maxDetailChars) } })
    }
    // What breaks it before it is joined, `carry` finds.
    connection.on('error', () => {})
    try {
      await session.send({ opened: {} })
    } catch (error) {
      // The renter has left meanwhile: nobody else would end it, and a job has only so many.
      connection.destroy()
      throw error
    }
    await carry(session, connection, {
      wrap: (data): ForwardResponse => ({ data }),
      unwrap: ({ data }) => data,
      pieceBytes: PORT_LIMITS.pieceBytes,
      idleMs: PORT_LIMITS.idleMs,
      clock,
    })
  }

  async function connect({ lease, port }: { lease: Uint8Array; port: number }, peer: string) {
    const run = findRun(parts, lease, peer)
    if (isRefusal(run)) return run
    if (run.connect === undefined) {
      return { refused: 'PORTS_NOT_OFFERED', detail: 'jobs of this runtime have no ports' }
    }
    return run.connect(port).catch(refusalOf)
  }

  await engine.handle(forwardProtocol, serve)
  return () => engine.unhandle(forwardProtocol)
}

/** The job that runs for a lease of this renter. */
export function findRun(
  { ledger, runOf }: PortParts,
  lease: Uint8Array,
  peer: string,
): Run | Refusal<'UNKNOWN_LEASE' | 'NOT_RUNNING'> {
  const record = ledger.get(lease)
  if (record === undefined || record.renter !== peer) {
    return { refused: 'UNKNOWN_LEASE', detail: 'this node has no such lease of this renter' }
  }
  const run = record.state === 'open' ? runOf(lease) : undefined
  return run ?? { refused: 'NOT_RUNNING', detail: 'the job does not run at the moment' }
}

/** What a runtime says no with is a refusal; anything else is a fault of ours. */
export function refusalOf(error: unknown): Refusal<string> {
  if (!(error instanceof NightshiftError)) throw error
  return { refused: error.code, detail: error.message }
}

/** The answer to a stream whose first message says nothing of use. */
export function malformed(): Refusal<'MALFORMED'> {
  return { refused: 'MALFORMED', detail: 'it does not begin as it should' }
}
