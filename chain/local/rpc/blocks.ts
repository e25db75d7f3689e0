import type { Bank } from '../bank.js'
import { readTransactionView, showTransaction, showTransactionAccounts } from '../parsed/transaction.js'
import { invalidParams, RPC_CODE, RpcError } from './error.js'
import type { MethodTable } from './method.js'
import { readConfigAt, readInteger, readOptionalInteger } from './params.js'

/** As in Agave. */
const BLOCKS_LIMIT = 500_000

/** The slots that are complete and still remembered; the current one is open until the next tick. */
function completeSlots(bank: Bank, from: number, to: number): number[] {
  const first = Math.max(from, 1)
  const last = Math.min(to, bank.slot - 1)
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)
}

function showBlock(bank: Bank, slot: number, config: Readonly<Record<string, unknown>>): object {
  const applied = bank.history.ofSlot(slot)
  const head = {
    blockhash: bank.blockhashAt(slot),
    previousBlockhash: bank.blockhashAt(slot - 1),
    parentSlot: slot - 1,
    blockTime: bank.timeOf(slot) ?? null,
    blockHeight: slot,
  }
  const rewards = config.rewards === false ? {} : { rewards: [] }
  switch (config.transactionDetails ?? 'full') {
    case 'none':
      return { ...head, ...rewards }
    case 'signatures':
      return { ...head, ...rewards, signatures: applied.map(({ signature }) => signature) }
    case 'accounts':
      return { ...head, ...rewards, transactions: applied.map(showTransactionAccounts) }
    case 'full': {
      const view = readTransactionView(config)
      return { ...head, ...rewards, transactions: applied.map((entry) => showTransaction(entry, view)) }
    }
    default:
      throw invalidParams('transactionDetails must be full, accounts, signatures or none')
  }
}

export const blockMethods: MethodTable = {
  getSlot({ bank }, [options]) {
    readConfigAt(bank, options)
    return bank.slot
  },

  getBlockHeight({ bank }, [options]) {
    readConfigAt(bank, options)
    return bank.slot
  },

  getBlockTime({ bank }, [slot]) {
    const at = readInteger(slot, 'slot')
    const time = bank.timeOf(at)
    if (time === undefined) throw blockNotAvailable(at)
    return time
  },

  getBlock({ bank }, [slot, options]) {
    const config = typeof options === 'string' ? { encoding: options } : readConfigAt(bank, options)
    const at = readInteger(slot, 'slot')
    if (at < 1 || at >= bank.slot) throw blockNotAvailable(at)
    return showBlock(bank, at, config)
  },

  getBlocks({ bank }, [from, to]) {
    const first = readInteger(from, 'start slot')
    const last = typeof to === 'object' ? bank.slot : (readOptionalInteger(to, 'end slot') ?? bank.slot)
    if (Math.min(last, bank.slot) - first > BLOCKS_LIMIT) {
      throw invalidParams(`Slot range too large; max ${BLOCKS_LIMIT}`)
    }
    return completeSlots(bank, first, last)
  },

  getBlocksWithLimit({ bank }, [from, limit]) {
    const first = readInteger(from, 'start slot')
    const count = readInteger(limit, 'limit')
    if (count > BLOCKS_LIMIT) throw invalidParams(`Limit too large; max ${BLOCKS_LIMIT}`)
    return completeSlots(bank, first, first + count - 1)
  },

  getFirstAvailableBlock: () => 1,

  minimumLedgerSlot: () => 1,
}

function blockNotAvailable(slot: number): RpcError {
  return new RpcError(RPC_CODE.blockNotAvailable, `Block not available for slot ${slot}`)
}
