import { startLocalChain } from '../../chain/local/chain.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'

/**
 * A chain in a process of its own, for tests that kill it: the data directory is the argument, the URL the first message.
 * It writes snapshots often, so that kills hit them too.
 */
const dataDir = process.argv[2]
if (dataDir === undefined) throw new Error('a data directory is needed')
const chain = await startLocalChain({
  dataDir,
  port: 0,
  clock: systemClock,
  random: systemRandom,
  log: silentLog,
  slotMs: 20,
  snapshotTransactions: 7,
})
process.send?.(chain.rpcUrl)
