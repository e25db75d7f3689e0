import { type AttestationBoard, openAttestationBoard } from '../market/attestations.js'
import type { Network } from '../net/ports.js'
import { createEvidenceReader, type EvidenceReader } from '../renter/evidence.js'
import type { Store } from '../store/port.js'

/** What verifiers say of providers: written and read by everybody, a node that offers nothing too. */
export interface EvidenceSide {
  board: AttestationBoard
  evidence: EvidenceReader
  stop(): void
}

export async function openEvidence(
  parts: Omit<Parameters<typeof createEvidenceReader>[0], 'board' | 'engine'> & {
    network: Network
    store: Store
  },
): Promise<EvidenceSide> {
  const board = await openAttestationBoard(parts)
  const evidence = createEvidenceReader({ ...parts, engine: parts.network.engine, board })
  return {
    board,
    evidence,
    stop: () => {
      board.stop()
      evidence.stop()
    },
  }
}
