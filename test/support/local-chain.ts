import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Connection, Keypair, LAMPORTS_PER_SOL } from '@solana/web3.js'
import { type LocalChain, type LocalChainOptions, startLocalChain } from '../../chain/local/chain.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { systemRandom } from '../../node/system/random.js'

export interface TestChain {
  chain: LocalChain
  connection: Connection
  dataDir: string
  /** Stops the chain and starts it again on the same directory; `chain` and `connection` are then the new ones. */
  restart(options?: Partial<LocalChainOptions>): Promise<void>
  fundedWallet(sol?: number): Keypair
  stop(): Promise<void>
}

/** A chain on a free pair of ports with a data directory of its own; its slots stand still unless `slotMs` is given. */
export async function startTestChain(options: Partial<LocalChainOptions> = {}): Promise<TestChain> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'nightshift-chain-'))
  const start = (changes: Partial<LocalChainOptions> = {}) =>
    startLocalChain({
      port: 0,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      slotMs: 0,
      ...options,
      ...changes,
      dataDir,
    })
  const removeOwn = () => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
  }
  const chain = await start().catch((error) => {
    removeOwn()
    throw error
  })
  const test: TestChain = {
    chain,
    connection: new Connection(chain.rpcUrl, 'confirmed'),
    dataDir,
    async restart(changes) {
      hangUp(test.connection)
      await test.chain.stop()
      test.chain = await start(changes)
      test.connection = new Connection(test.chain.rpcUrl, 'confirmed')
    },
    fundedWallet(sol = 10) {
      const wallet = Keypair.generate()
      test.chain.airdrop(wallet.publicKey, BigInt(sol * LAMPORTS_PER_SOL))
      return wallet
    },
    async stop() {
      hangUp(test.connection)
      await test.chain.stop()
      removeOwn()
    },
  }
  return test
}

/** A Connection never gives up on its websocket, so one that outlives its chain would keep the test's process alive. */
export function hangUp(connection: Connection): void {
  const { _rpcWebSocket: socket } = connection as unknown as {
    _rpcWebSocket: { reconnect: boolean; close(): void }
  }
  socket.reconnect = false
  socket.close()
}

/** One HTTP request with this body; the status and the text of the answer. */
export async function post(
  url: string,
  body: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

/** One JSON-RPC call; its `result` or `error`. */
export async function call(
  url: string,
  method: string,
  params: unknown[] = [],
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, read by assertions
): Promise<any> {
  const { text } = await post(url, JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
  return JSON.parse(text)
}
