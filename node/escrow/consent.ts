import { CONSENT, type WalletConsent, walletStatement } from '../../protocols/auction/wallet.js'
import type { Clock } from '../../protocols/ports.js'
import type { ConsentSource } from './port.js'

/** Signs a consent with the wallet's own key, and a new one when half of its time is over. */
export function createConsent(parts: {
  wallet: { sign(message: Uint8Array): Promise<Uint8Array> | Uint8Array }
  /** 32 bytes. */
  market: Uint8Array
  /** Base58 peer id of the node whose orders it is for. */
  peer: string
  clock: Pick<Clock, 'now'>
}): ConsentSource {
  const { wallet, market, peer, clock } = parts
  let current: WalletConsent | undefined
  return async () => {
    const now = clock.now()
    const leftMs = current === undefined ? 0 : current.walletUntilMs - now
    // A clock that was set back makes a consent look longer than any may be.
    if (current === undefined || leftMs < CONSENT.ownMs / 2 || leftMs > CONSENT.ownMs) {
      const walletUntilMs = now + CONSENT.ownMs
      const walletProof = await wallet.sign(walletStatement(market, peer, walletUntilMs))
      current = { walletProof, walletUntilMs }
    }
    return current
  }
}
