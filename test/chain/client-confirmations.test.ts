import { execFile } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { SystemProgram } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { type WebSocket, WebSocketServer } from 'ws'
import { createConfirmations, type Watch, websocketUrlOf } from '../../chain/client/confirmations.js'
import { type Chain, sendInstructions } from '../../chain/client/sending.js'
import { createSigner } from '../../chain/client/signing.js'
import { systemClock } from '../../node/system/clock.js'
import { until } from '../support/clock.js'
import { startTestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('hearing of a transaction over a websocket')

const SIGNATURE = '5'.repeat(87)

interface Heard extends Watch {
  news: number
}

function connect(wsUrl: string, clock: { elapsed(): number } = systemClock) {
  const confirmations = createConfirmations({ wsUrl, commitment: 'confirmed', clock })
  const watch = (signature = SIGNATURE): Heard => {
    const heard: Heard = { news: 0, isLive: () => true, end: () => {} }
    return Object.assign(
      heard,
      confirmations.watch(signature, () => void heard.news++),
    )
  }
  return { confirmations, watch }
}

/** A node that says what the test wants it to say. */
async function withServer(
  onMessage: (socket: WebSocket, request: { id: number; method: string; params: unknown[] }) => void,
  body: (wsUrl: string, server: WebSocketServer) => Promise<void>,
): Promise<void> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  server.on('connection', (socket) =>
    socket.on('message', (data) => onMessage(socket, JSON.parse(String(data)))),
  )
  try {
    await body(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`, server)
  } finally {
    for (const client of server.clients) client.terminate()
    await new Promise((resolve) => server.close(resolve))
  }
}

const say = (socket: WebSocket, message: object) =>
  socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }))

test('the local chain tells of a transaction, also when it was executed before anybody listened', async () => {
  const { chain, connection, fundedWallet, stop } = await startTestChain()
  try {
    const wallet = fundedWallet()
    const { confirmations, watch } = connect(chain.wsUrl)
    const rpc: Chain = { rpc: connection, clock: systemClock, programId: wallet.publicKey, confirmations }
    const pay = SystemProgram.transfer({
      fromPubkey: wallet.publicKey,
      toPubkey: wallet.publicKey,
      lamports: 1,
    })
    const { signature } = await sendInstructions(rpc, {
      instructions: [pay],
      signers: [createSigner(wallet.secretKey)],
      fee: { computeUnits: 10_000, microLamports: 0 },
    })
    const [heard, never] = [watch(signature), watch()]
    await until(() => heard.news === 1)
    assert.is(heard.isLive(), false, 'once')
    assert.is(never.news, 0)
    assert.is(never.isLive(), true)
    never.end()
    assert.is(never.isLive(), false)
  } finally {
    await stop()
  }
})

test('a node without websockets is one that says nothing: at once, and not asked again for a while', async () => {
  let elapsed = 0
  const { watch } = connect('ws://127.0.0.1:9', { elapsed: () => elapsed })
  const first = watch()
  await until(() => !first.isLive())
  assert.is(first.news, 1, 'whoever waits asks the node instead')
  assert.is(watch().isLive(), false)
  elapsed = 20_000
  assert.is(watch().isLive(), true, 'it is tried again')
})

test('when the socket dies all who listen are told, and the next one opens another', async () => {
  let connections = 0
  await withServer(
    (socket, { id }) => {
      say(socket, { id, result: 7 })
      if (++connections === 2) socket.terminate()
    },
    async (wsUrl) => {
      let elapsed = 0
      const { watch } = connect(wsUrl, { elapsed: () => elapsed })
      const both = [watch(), watch('4'.repeat(87))]
      await until(() => both.every(({ news }) => news === 1))
      elapsed = 20_000
      const next = watch()
      await until(() => connections === 3)
      assert.is(next.isLive(), true)
      next.end()
    },
  )
})

test('a node that talks nonsense, refuses, or tells of others’ transactions harms nobody', async () => {
  await withServer(
    (socket, { id, method, params }) => {
      if (method !== 'signatureSubscribe') return
      const others = { method: 'signatureNotification', params: { subscription: 999 } }
      for (const text of ['', '{', 'null', '[]', '7', '{"id":{}}', '{"method":7,"params":[]}'])
        socket.send(text)
      say(socket, others)
      say(socket, { method: 'signatureNotification', params: null })
      if (String(params[0]).startsWith('4'))
        return say(socket, { id, error: { code: -32602, message: 'no' } })
      say(socket, { id, result: 1 })
      say(socket, others)
      say(socket, { method: 'signatureNotification', params: { subscription: 1, result: {} } })
    },
    async (wsUrl) => {
      const { watch } = connect(wsUrl)
      const [heard, refused] = [watch(), watch('4'.repeat(87))]
      await until(() => heard.news === 1 && refused.news === 1)
      assert.is(refused.isLive(), false)
    },
  )
})

test('who stops listening is not told, and the node hears of it', async () => {
  const asked: unknown[] = []
  await withServer(
    (socket, { id, method, params }) => {
      asked.push([method, params])
      if (method === 'signatureSubscribe') say(socket, { id, result: 41 + id })
    },
    async (wsUrl) => {
      const { watch } = connect(wsUrl)
      const [gone, stays] = [watch(), watch('4'.repeat(87))]
      gone.end()
      assert.is(gone.isLive(), false)
      await until(() => asked.length === 3)
      assert.equal(asked[2], ['signatureUnsubscribe', [42]])
      assert.is(stays.isLive(), true)
      stays.end()
      stays.end()
      await until(() => asked.length === 4)
      assert.equal(asked[3], ['signatureUnsubscribe', [43]])
      assert.is(gone.news, 0)
    },
  )
})

test('a process that has nothing else to do ends, though it listens', async () => {
  await withServer(
    (socket, { id }) => say(socket, { id, result: 1 }),
    async (wsUrl, server) => {
      const module = fileURLToPath(new URL('../../chain/client/confirmations.js', import.meta.url))
      const script = `
        const { createConfirmations } = await import(${JSON.stringify(`file://${module}`)})
        const clock = { elapsed: () => performance.now() }
        const { watch } = createConfirmations({ wsUrl: '${wsUrl}', commitment: 'confirmed', clock })
        const heard = watch('${SIGNATURE}', () => {})
        setTimeout(() => console.log(heard.isLive()), 500)`
      let subscribed = 0
      server.on('connection', (socket) => socket.on('message', () => void subscribed++))
      const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])
      assert.is(stdout.trim(), 'true')
      assert.is(subscribed, 1)
    },
  )
})

test('websockets are looked for where the address says, and not behind a port of its own', () => {
  assert.is(websocketUrlOf('https://api.devnet.solana.com'), 'wss://api.devnet.solana.com/')
  assert.is(websocketUrlOf('http://node.example/key'), 'ws://node.example/key')
  assert.is(websocketUrlOf('http://127.0.0.1:8899'), undefined)
})

test.run()
