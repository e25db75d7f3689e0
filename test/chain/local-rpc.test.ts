import { connect } from 'node:net'
import {
  Connection,
  Keypair,
  LAMPORTS_PER_SOL,
  SystemProgram,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import bs58 from 'bs58'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { WebSocket } from 'ws'
import { decodeTransaction } from '../../chain/local/transaction.js'
import { codeOf } from '../../protocols/errors.js'
import { call, hangUp, post, startTestChain, type TestChain } from '../support/local-chain.js'
import { suite } from '../support/suite.js'

const test = suite('local chain: rules and limits of the RPC')
let node: TestChain

test.before(async () => {
  node = await startTestChain({ limits: { bodyBytes: 64 * 1024, requestTimeoutMs: 400, subscriptions: 4 } })
})
test.after(() => node.stop())

function signedTransfer(from: Keypair, blockhash: string, lamports = LAMPORTS_PER_SOL): Uint8Array {
  const message = new TransactionMessage({
    payerKey: from.publicKey,
    recentBlockhash: blockhash,
    instructions: [
      SystemProgram.transfer({
        fromPubkey: from.publicKey,
        toPubkey: Keypair.generate().publicKey,
        lamports,
      }),
    ],
  }).compileToV0Message()
  const transaction = new VersionedTransaction(message)
  transaction.sign([from])
  return transaction.serialize()
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

test('a transaction is not run twice, with preflight or without, until its blockhash has expired', async () => {
  const { chain, connection } = node
  const payer = node.fundedWallet()
  const { blockhash } = await connection.getLatestBlockhash()
  const wire = signedTransfer(payer, blockhash)
  await connection.sendRawTransaction(wire)
  const after = await connection.getBalance(payer.publicKey)
  for (const slots of [0, 1, 149]) {
    if (slots > 0) chain.advance({ slots })
    const replay = await connection.sendRawTransaction(wire).catch((caught) => caught)
    assert.match(replay.message, 'This transaction has already been processed')
    await connection.sendRawTransaction(wire, { skipPreflight: true })
    assert.is(await connection.getBalance(payer.publicKey), after)
  }
  chain.advance({ slots: 1 })
  const late = await connection.sendRawTransaction(wire).catch((caught) => caught)
  assert.match(late.message, 'Blockhash not found')
  await connection.sendRawTransaction(wire, { skipPreflight: true })
  assert.is(await connection.getBalance(payer.publicKey), after)
})

test('a blockhash is valid for 150 slots after its own', async () => {
  const { chain, connection } = node
  const { blockhash, lastValidBlockHeight } = await connection.getLatestBlockhash()
  const height = await connection.getBlockHeight()
  assert.is(lastValidBlockHeight, height + 150)
  chain.advance({ slots: 150 })
  assert.is((await connection.isBlockhashValid(blockhash)).value, true)
  const payer = node.fundedWallet()
  await connection.sendRawTransaction(signedTransfer(payer, blockhash))
  chain.advance({ slots: 1 })
  assert.is((await connection.isBlockhashValid(blockhash)).value, false)
})

test('a chain goes on beyond the 512 slots that the SlotHashes sysvar can hold', async () => {
  const { chain, connection } = node
  chain.advance({ slots: 600 })
  const wallet = node.fundedWallet()
  assert.ok((await connection.getBalance(wallet.publicKey)) > 0)
  chain.advance({ slots: 1_200 })
  assert.ok((await connection.getSlot()) > 1_800)
  assert.ok((await connection.getBalance(node.fundedWallet().publicKey)) > 0)
})

test('the chain stands still without a running clock, and moves by exactly what it is told', async () => {
  const { chain, connection } = node
  const [slot, time] = [chain.slot(), chain.unixTime()]
  chain.advance({ slots: 10, seconds: 3_600 })
  assert.is(await connection.getSlot(), slot + 10)
  assert.is(chain.unixTime(), time + 3_600)
  assert.is(await connection.getBlockTime(slot + 10), time + 3_600)
  chain.advance({ seconds: 5 })
  assert.is(chain.slot(), slot + 11)
  for (const by of [{ slots: 0 }, { slots: -1 }, { seconds: -1 }, { slots: 1.5 }]) {
    assert.throws(
      () => chain.advance(by),
      (error: unknown) => codeOf(error) === 'ADVANCE_INVALID',
    )
  }
})

test('a wrong signature is refused as such', async () => {
  const payer = node.fundedWallet()
  const { blockhash } = await node.connection.getLatestBlockhash()
  const wire = signedTransfer(payer, blockhash)
  wire[10]! ^= 1
  const { error } = await call(node.chain.rpcUrl, 'sendTransaction', [base64(wire), { encoding: 'base64' }])
  assert.is(error.code, -32003)
  await node.connection.sendRawTransaction(wire, { skipPreflight: true })
  assert.is(await node.connection.getBalance(payer.publicKey), 10 * LAMPORTS_PER_SOL)
})

test('a failed preflight is error -32002 with the fault and the logs', async () => {
  const payer = node.fundedWallet(1)
  const { blockhash } = await node.connection.getLatestBlockhash()
  const wire = bs58.encode(signedTransfer(payer, blockhash, 5 * LAMPORTS_PER_SOL))
  const { error } = await call(node.chain.rpcUrl, 'sendTransaction', [wire])
  assert.is(error.code, -32002)
  assert.equal(error.data.err, { InstructionError: [0, { Custom: 1 }] })
  assert.ok(error.data.logs.length > 0)
})

test('malformed calls get the error codes of JSON-RPC, and the server goes on', async () => {
  const { rpcUrl } = node.chain
  const address = Keypair.generate().publicKey.toBase58()
  const cases: [body: string, code: number][] = [
    ['{"jsonrpc":"2.0",', -32700],
    ['"hello"', -32600],
    ['[]', -32600],
    ['{"id":1,"method":"getSlot"}', -32600],
    ['{"jsonrpc":"2.0","id":1,"method":"getSlot","params":{}}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"mineBitcoin"}', -32601],
    ['{"jsonrpc":"2.0","id":1,"method":"__proto__"}', -32601],
    ['{"jsonrpc":"2.0","id":1,"method":"getBalance","params":["0OIl"]}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"getBalance","params":[7]}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[{"commitment":"soon"}]}', -32602],
    ['{"jsonrpc":"2.0","id":1,"method":"getSlot","params":[{"minContextSlot":99999999}]}', -32016],
    ['{"jsonrpc":"2.0","id":1,"method":"getBlock","params":[99999999]}', -32004],
    [
      `{"jsonrpc":"2.0","id":1,"method":"getAccountInfo","params":["${address}",{"encoding":"base64+zstd"}]}`,
      -32602,
    ],
    [
      `{"jsonrpc":"2.0","id":1,"method":"getProgramAccounts","params":["${address}",{"filters":[{"memcmp":{"offset":-1,"bytes":"1"}}]}]}`,
      -32602,
    ],
    [
      `{"jsonrpc":"2.0","id":1,"method":"getTokenAccountsByOwner","params":["${address}",{"mint":"${address}"}]}`,
      -32602,
    ],
    ['{"jsonrpc":"2.0","id":1,"method":"sendTransaction","params":["AAAA",{"encoding":"base64"}]}', -32602],
  ]
  let checked = 0
  for (const [body, code] of cases) {
    const { text } = await post(rpcUrl, body)
    assert.is(JSON.parse(text).error.code, code, body)
    checked++
  }
  assert.is(checked, cases.length)
  assert.is((await call(rpcUrl, 'getHealth')).result, 'ok')
})

test('a batch is answered in order, a notification not at all, a batch too large not either', async () => {
  const { rpcUrl } = node.chain
  const one = (id: number) => ({ jsonrpc: '2.0', id, method: 'getHealth' })
  const batch = await post(rpcUrl, JSON.stringify([one(1), { jsonrpc: '2.0', method: 'getHealth' }, one(2)]))
  assert.equal(
    JSON.parse(batch.text).map(({ id }: { id: number }) => id),
    [1, 2],
  )
  const silent = await post(rpcUrl, '{"jsonrpc":"2.0","method":"ping"}')
  assert.is(silent.status, 204)
  const large = await post(rpcUrl, JSON.stringify(Array.from({ length: 300 }, (_, id) => one(id))))
  assert.is(JSON.parse(large.text).error.code, -32600)
})

test('a body that is too large, declared or not, is refused with 413', async () => {
  const { rpcUrl } = node.chain
  assert.is((await post(rpcUrl, ' '.repeat(64 * 1024 + 1))).status, 413)
  const chunks = Array.from({ length: 5 }, () => Buffer.alloc(16 * 1024, 32))
  const stream = new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk)
      controller.close()
    },
  })
  const response = await fetch(rpcUrl, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
  assert.is(response.status, 413)
})

test('a request that stalls half way is cut off', async () => {
  const { port } = new URL(node.chain.rpcUrl)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"jsonrpc"')
  const answer = await new Promise<string>((resolve, reject) => {
    let text = ''
    socket.on('data', (data) => {
      text += data.toString()
    })
    socket.on('close', () => resolve(text))
    socket.on('error', reject)
  })
  assert.match(answer, '408')
})

test('a web page of another origin is refused, on both ports, unless it is named', async () => {
  const { rpcUrl, wsUrl } = node.chain
  const body = '{"jsonrpc":"2.0","id":1,"method":"getHealth"}'
  const refused = await post(rpcUrl, body, { origin: 'https://evil.example' })
  assert.is(refused.status, 403)
  const status = await new Promise((resolve) => {
    const socket = new WebSocket(wsUrl, { origin: 'https://evil.example' })
    socket.on('unexpected-response', (_request, response) => resolve(response.statusCode))
    socket.on('error', () => {})
  })
  assert.is(status, 401)
  const open = await startTestChain({ allowedOrigins: ['http://localhost:3000'] })
  try {
    const allowed = await post(open.chain.rpcUrl, body, { origin: 'http://localhost:3000' })
    assert.is(allowed.status, 200)
    assert.is(allowed.headers.get('access-control-allow-origin'), 'http://localhost:3000')
  } finally {
    await open.stop()
  }
})

test('a connection that asks too fast is told to slow down, and others are not held up', async () => {
  const limited = await startTestChain({ limits: { callsPerSecond: 1, callsBurst: 3 } })
  try {
    const calls = Array.from({ length: 4 }, (_, id) => ({ jsonrpc: '2.0', id, method: 'getHealth' }))
    const { text } = await post(limited.chain.rpcUrl, JSON.stringify(calls))
    assert.is(JSON.parse(text).error.code, -32051)
    const socket = new WebSocket(limited.chain.wsUrl)
    const answers: string[] = []
    await new Promise<void>((resolve, reject) => {
      socket.on('open', () => {
        for (const request of calls) socket.send(JSON.stringify(request))
      })
      socket.on('message', (data) => {
        answers.push(data.toString())
        if (answers.length === 4) resolve()
      })
      socket.on('error', reject)
    })
    socket.close()
    assert.equal(
      answers.map((answer) => JSON.parse(answer).error?.code),
      [undefined, undefined, undefined, -32051],
    )
  } finally {
    await limited.stop()
  }
})

test('a websocket gets errors for bad messages, and no more subscriptions than the limit', async () => {
  const socket = new WebSocket(node.chain.wsUrl)
  await new Promise((resolve) => socket.on('open', resolve))
  const ask = (message: string) =>
    new Promise<{ result?: unknown; error?: { code: number } }>((resolve) => {
      socket.once('message', (data) => resolve(JSON.parse(data.toString())))
      socket.send(message)
    })
  assert.is((await ask('{')).error?.code, -32700)
  assert.is(
    (await ask('{"jsonrpc":"2.0","id":1,"method":"accountSubscribe","params":["x"]}')).error?.code,
    -32602,
  )
  assert.is(
    (await ask('{"jsonrpc":"2.0","id":1,"method":"slotUnsubscribe","params":[123]}')).error?.code,
    -32602,
  )
  assert.is((await ask('{"jsonrpc":"2.0","id":1,"method":"getHealth"}')).result, 'ok')
  const subscribe = '{"jsonrpc":"2.0","id":1,"method":"logsSubscribe","params":["all"]}'
  for (let count = 0; count < 4; count++) assert.type((await ask(subscribe)).result, 'number')
  assert.is((await ask(subscribe)).error?.code, -32600)
  socket.close()
})

test('bytes that are no canonical transaction never reach the runtime, which would abort on them', () => {
  const payer = Keypair.generate()
  const wire = signedTransfer(payer, bs58.encode(new Uint8Array(32)))
  let decoded = 0
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(wire.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(wire.length),
      (changes, length) => {
        const bytes = Uint8Array.from(length % 3 === 0 ? wire.subarray(0, length) : wire)
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value
        const result = decodeTransaction(bytes)
        if ('refused' in result) return
        decoded++
        const again = VersionedTransaction.deserialize(bytes).serialize()
        assert.is(Buffer.compare(again, bytes), 0)
      },
    ),
    { numRuns: 2_000 },
  )
  assert.ok(decoded > 0)
  assert.ok('refused' in decodeTransaction(new Uint8Array(1_233)))
})

test('a corrupted transaction sent over the wire gets an answer, whatever byte was hit', async () => {
  const { connection, chain } = node
  const payer = node.fundedWallet()
  const { blockhash } = await connection.getLatestBlockhash()
  const wire = signedTransfer(payer, blockhash, 1)
  let answered = 0
  for (let at = 0; at < wire.length; at++) {
    const bytes = Uint8Array.from(wire)
    bytes[at]! ^= 1 << (at % 8)
    const skipPreflight = at % 2 === 0
    const answer = await call(chain.rpcUrl, 'sendTransaction', [
      base64(bytes),
      { encoding: 'base64', skipPreflight },
    ])
    assert.ok(skipPreflight || answer.error !== undefined, `byte ${at}`)
    answered++
  }
  assert.is(answered, wire.length)
  assert.is(await connection.getBalance(payer.publicKey), 10 * LAMPORTS_PER_SOL)
})

test('a port in use is a clear error, for either of the two ports', async () => {
  const rpcPort = Number(new URL(node.chain.rpcUrl).port)
  for (const port of [rpcPort, rpcPort + 1, rpcPort - 1]) {
    const error = await startTestChain({ port }).catch((caught) => caught)
    assert.is(codeOf(error), 'PORT_IN_USE', `port ${port}`)
    assert.match(error.advice, 'choose another port')
  }
})

test('the chain listens on the loopback interface only', async () => {
  const error = await startTestChain({ host: '0.0.0.0' }).catch((caught) => caught)
  assert.is(codeOf(error), 'HOST_NOT_LOOPBACK')
})

test('confirmation by block height ends when the blockhash has expired', async () => {
  const { chain } = node
  const connection = new Connection(chain.rpcUrl, 'confirmed')
  const { blockhash, lastValidBlockHeight } = await connection.getLatestBlockhash()
  chain.advance({ slots: 152 })
  const signature = bs58.encode(Keypair.generate().secretKey)
  const error = await connection
    .confirmTransaction({ signature, blockhash, lastValidBlockHeight })
    .catch((caught) => caught)
  hangUp(connection)
  assert.is(error.name, 'TransactionExpiredBlockheightExceededError')
})

test.run()
