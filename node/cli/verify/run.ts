import { NightshiftError } from '../../../protocols/errors.js'
import { ANY_OFFER } from '../../../protocols/inventory/rules.js'
import { isPeer } from '../../../protocols/peer.js'
import { findNode } from '../../control/client.js'
import type { OfferQuery } from '../../control/port.js'
import type { Json, OfferView } from '../../control/view.js'
import type { HardwareVerdict } from '../../renter/verification.js'
import { systemClock } from '../../system/clock.js'
import type { Invocation } from '../command.js'
import { openGuest } from '../daemon.js'
import { EXIT } from '../exit.js'
import type { Style } from '../style.js'
import { PROGRAM } from '../suggestion.js'
import { renderPairs } from '../table.js'

/** Whoever challenges: the node that runs, or this process as a node of its own. */
interface Verifier {
  offers(query: OfferQuery, signal: AbortSignal): Promise<OfferView[]>
  verify(peer: string, signal: AbortSignal): Promise<Json<HardwareVerdict>>
  close(): Promise<void>
}

const ANY: OfferQuery = { requirements: ANY_OFFER }
const GUEST_LISTENS_MS = 3_000

export async function run(invocation: Invocation): Promise<number> {
  const { report, shell } = invocation
  const { config } = await invocation.config()
  const named = (invocation.arguments[0] ?? '').replace(/^…/, '')
  if (!isPeer(named) && !/^[1-9A-HJ-NP-Za-km-z]{4,64}$/.test(named)) throw unknownPeer(named)
  const running = await findNode(config.dataDir)
  const verifier: Verifier =
    running === undefined ? await openGuest(invocation) : { ...running, close: async () => {} }
  try {
    if (running === undefined) {
      report.status('listening to the market …')
      await systemClock.sleep(GUEST_LISTENS_MS, shell.signal)
    }
    const peer = isPeer(named) ? named : await findPeer(verifier, named, shell.signal)
    report.status('waiting for the proof …')
    const verdict = await verifier.verify(peer, shell.signal)
    report.result(verdict, renderVerdict(verdict, report.out.style))
    return isAsClaimed(verdict) ? EXIT.OK : EXIT.FAILED
  } finally {
    await verifier.close()
  }
}

async function findPeer(verifier: Verifier, end: string, signal: AbortSignal): Promise<string> {
  const found = (await verifier.offers(ANY, signal)).filter(({ peer }) => peer.endsWith(end))
  if (found.length === 1) return found[0]!.peer
  throw unknownPeer(end, found.length)
}

function unknownPeer(text: string, found = 0): NightshiftError {
  const message = `${found === 0 ? 'no provider' : `${found} providers`} with an id that ends in ${JSON.stringify(text)}`
  return new NightshiftError('USAGE', message, {
    advice: `name its whole peer id: "${PROGRAM} offers search --all --json" lists them`,
  })
}

/** A device that the table does not know is nobody's lie. */
export function isAsClaimed({ ok, speed, memory }: Json<HardwareVerdict>): boolean {
  const fine = [undefined, 'matches', 'unknown device']
  return ok && fine.includes(speed) && fine.includes(memory?.verdict)
}

export function renderVerdict(verdict: Json<HardwareVerdict>, style: Style): string {
  const { peer, ok, reason, detail, claim, params, devices, provingMs, recallMs, checkingMs } = verdict
  const paint = (each: string) => (isAsClaimed(verdict) ? style.green(each) : style.red(each))
  const kind = claim.gpu ? 'GPU' : 'software device'
  const pairs: Array<[string, string]> = [
    ['peer', peer],
    [
      'claims',
      `${claim.model} (${kind}, ${claim.backend}), ${gib(claim.memoryBytes)}, ${claim.gflops.toFixed(1)} GFLOP/s`,
    ],
    ['proof', ok ? style.green('right') : style.red(`failed with ${reason}: ${detail ?? ''}`)],
    [
      'asked for',
      `n = ${params.n}, ${params.rounds} rounds${devices > 1 ? `, on ${devices} devices at the same time, a seed each` : ''}`,
    ],
    [
      'times',
      `proved in ${provingMs} ms${recallMs === undefined ? '' : `, recalled in ${recallMs} ms`}, checked in ${checkingMs} ms`,
    ],
  ]
  if (verdict.attested === true) pairs.push(['attested', 'the provider keeps what this node has signed'])
  if (verdict.speed !== undefined && verdict.gflops !== undefined) {
    const ratio =
      verdict.ratio === undefined ? '' : `, ${(100 * verdict.ratio).toFixed(1)} % of the card's peak`
    pairs.push(['speed', `${paint(verdict.speed)}: ${verdict.gflops.toFixed(1)} GFLOP/s${ratio}`])
  }
  if (verdict.memory !== undefined) {
    const { shownBytes, bytesPerSecond } = verdict.memory
    pairs.push([
      'memory',
      `${paint(verdict.memory.verdict)}: ${gib(shownBytes)} shown, read at ${(bytesPerSecond / 1e9).toFixed(1)} GB/s`,
    ])
  }
  return renderPairs(pairs, style.dim)
}

function gib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(2)} GiB`
}
