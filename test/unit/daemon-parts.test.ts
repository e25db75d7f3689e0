import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { PublicKey } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { createProcessLog } from '../../node/cli/log.js'
import { createStyle } from '../../node/cli/style.js'
import { createChecker } from '../../node/daemon/checker.js'
import { createRegistry } from '../../node/escrow/registration.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'
import { NightshiftError } from '../../protocols/errors.js'
import { isPrintable } from '../../protocols/text.js'
import { createVirtualClock } from '../support/clock.js'
import { suite } from '../support/suite.js'

const test = suite('parts of a running node')

test('a chain that takes a question and never answers is not waited for longer than the caller does', async () => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const registry = createRegistry({
      rpcUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      commitment: 'confirmed',
      programId: PublicKey.default,
      market: PublicKey.default,
      clock: systemClock,
    })
    const enough = new Error('enough')
    const patience = new AbortController()
    const asked = registry.balance(PublicKey.default, patience.signal).catch((error: unknown) => error)
    patience.abort(enough)
    assert.is(await asked, enough)
  } finally {
    server.closeAllConnections()
    server.close()
  }
})

test('a model that cannot be read leaves no device behind: the same one checks the next', async () => {
  let opened = 0
  let closed = 0
  const malformed = new NightshiftError('MODEL_MALFORMED', 'no model', { advice: 'none' })
  const checker = createChecker({ backend: 'cpu', clock: createVirtualClock(), log: silentLog }, async () => {
    opened++
    return {
      evaluate: async () => {
        throw malformed
      },
      close: async () => {
        closed++
      },
    }
  })
  const request = {} as Parameters<typeof checker.evaluate>[0]
  for (let i = 0; i < 3; i++) {
    assert.is(await checker.evaluate(request).catch((error: unknown) => error), malformed)
  }
  await checker.close()
  assert.equal([opened, closed], [1, 1])
})

test('what a peer says cannot act on the terminal that shows the log', () => {
  let text = ''
  const out = {
    isTty: true,
    columns: 80,
    style: createStyle({ isTty: false, env: {} }),
    write: (part: string) => {
      text += part
    },
  }
  const log = createProcessLog('debug', out)
  const said = '\u001b]0;owned\u0007\u009b2J\u202eevil'
  log.warn('a bid was not taken', { refused: said, error: new Error(said), nested: { said } })
  assert.match(text, 'evil')
  assert.ok(isPrintable(text.trimEnd()), JSON.stringify(text))
})

test.run()
