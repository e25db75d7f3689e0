import { SLOTS_PER_EPOCH } from '../vm.js'
import { type MethodTable, SOLANA_CORE_VERSION, withContext } from './method.js'
import { readConfigAt } from './params.js'

export const clusterMethods: MethodTable = {
  getHealth: () => 'ok',

  /** `feature-set` is absent: the runtime has mainnet's features, but does not tell their number. */
  getVersion: () => ({ 'solana-core': SOLANA_CORE_VERSION }),

  getGenesisHash: ({ bank }) => bank.genesisHash,

  getIdentity: ({ identity }) => ({ identity }),

  getSlotLeader: ({ identity }) => identity,

  getEpochInfo({ bank }, [options]) {
    readConfigAt(bank, options)
    return {
      absoluteSlot: bank.slot,
      blockHeight: bank.slot,
      epoch: Math.floor(bank.slot / SLOTS_PER_EPOCH),
      slotIndex: bank.slot % SLOTS_PER_EPOCH,
      slotsInEpoch: SLOTS_PER_EPOCH,
      transactionCount: bank.transactionCount,
    }
  },

  getEpochSchedule: () => ({
    slotsPerEpoch: SLOTS_PER_EPOCH,
    leaderScheduleSlotOffset: SLOTS_PER_EPOCH,
    warmup: false,
    firstNormalEpoch: 0,
    firstNormalSlot: 0,
  }),

  getTransactionCount({ bank }, [options]) {
    readConfigAt(bank, options)
    return bank.transactionCount
  },

  getSupply({ bank }, [options]) {
    readConfigAt(bank, options)
    const total = Number(bank.supply)
    return withContext(bank, {
      total,
      circulating: total,
      nonCirculating: 0,
      nonCirculatingAccounts: [],
    })
  },

  /** Nobody votes here: there is one copy of the chain. */
  getVoteAccounts: () => ({ current: [], delinquent: [] }),

  getClusterNodes: ({ identity, rpcAddress }) => [
    {
      pubkey: identity,
      gossip: null,
      tpu: null,
      rpc: rpcAddress(),
      version: SOLANA_CORE_VERSION,
      featureSet: null,
      shredVersion: null,
    },
  ],
}
