import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { localnetProgramKeypair } from '../../../chain/client/loader.js'
import { type LocalChain, startLocalChain } from '../../../chain/local/chain.js'
import { createGenesis, LOCAL_TOKEN, type LocalMarket } from '../../swarm/genesis.js'
import { systemClock } from '../../system/clock.js'
import { systemRandom } from '../../system/random.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'
import { createProcessLog } from '../log.js'
import { readCount } from '../quantity.js'
import type { Style } from '../style.js'
import { PROGRAM } from '../suggestion.js'
import { renderPairs } from '../table.js'
import { aborted } from '../wait.js'

/** The compiled escrow program, four folders above the compiled file. */
const ESCROW = new URL('../../../../chain/program/nightshift.so', import.meta.url)

export async function run(invocation: Invocation): Promise<number> {
  const { shell, report, options, verbose } = invocation
  const { config } = await invocation.config()
  const dataDir = join(config.dataDir, 'chain')
  if (options.fresh === true) await rm(dataDir, { recursive: true, force: true })
  report.progress('starting the local chain …')
  const chain = await startLocalChain({
    dataDir,
    port: readCount('--port', String(options.port), 0, 65_534),
    clock: systemClock,
    random: systemRandom,
    log: createProcessLog(verbose ? 'debug' : 'warn', shell.err),
    programs: [{ programId: localnetProgramKeypair().publicKey, so: readFileSync(ESCROW) }],
  })
  try {
    const genesis = createGenesis({ rpcUrl: chain.rpcUrl, wsUrl: chain.wsUrl, clock: systemClock })
    const local = await genesis.prepare(shell.signal)
    report.event({ event: 'ready', ...describe(chain, local) }, renderChain(chain, local, report.out.style))
    await aborted(shell.signal)
    report.progress('stopping')
    return EXIT.OK
  } finally {
    await chain.stop()
  }
}

function describe(chain: LocalChain, local: LocalMarket) {
  return {
    rpcUrl: chain.rpcUrl,
    wsUrl: chain.wsUrl,
    genesisHash: chain.genesisHash,
    faucet: chain.faucet.toBase58(),
    programId: local.programId.toBase58(),
    market: local.market.toBase58(),
    mint: local.mint.toBase58(),
    decimals: LOCAL_TOKEN.decimals,
  }
}

function renderChain(chain: LocalChain, local: LocalMarket, style: Style): string {
  return `${style.bold('The local chain runs.')} Ctrl-C stops it; its state is kept.

${renderPairs(
  [
    ['RPC', chain.rpcUrl],
    ['websocket', chain.wsUrl],
    ['program', local.programId.toBase58()],
    ['market', local.market.toBase58()],
    [
      'token',
      `${local.mint.toBase58()} (${LOCAL_TOKEN.symbol}, ${LOCAL_TOKEN.decimals} decimals, worth nothing)`,
    ],
  ],
  style.dim,
)}
${PROGRAM} chain airdrop 1 <address> --chain-rpc-url ${chain.rpcUrl}
`
}
