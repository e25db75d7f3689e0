import { readFileSync } from 'node:fs'
import { Connection, Keypair, LAMPORTS_PER_SOL } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { deployProgram } from '../../chain/client/deployment.js'
import { createSigner } from '../../chain/client/signing.js'
import { systemClock } from '../../node/system/clock.js'
import { codeOf } from '../../protocols/errors.js'
import { hangUp, startTestChain } from '../support/local-chain.js'
import { keypairOf, PROGRAM_PATH } from '../support/runtime.js'
import { suite } from '../support/suite.js'

const test = suite('deployment over RPC')

test(
  'the program is deployed, left alone when it is there, upgraded when it differs, and refused when it has no room',
  async () => {
    const { chain: node } = await startTestChain({ slotMs: 50 })
    const connection = new Connection(node.rpcUrl, { commitment: 'confirmed', wsEndpoint: node.wsUrl })
    try {
      const payer = createSigner(keypairOf('deployer').secretKey)
      const programKey = createSigner(keypairOf('some program').secretKey)
      await connection.requestAirdrop(payer.publicKey, 100 * LAMPORTS_PER_SOL)
      const chain = { rpc: connection, clock: systemClock, programId: programKey.publicKey }
      const program = new Uint8Array(readFileSync(PROGRAM_PATH))
      const pieces: number[] = []
      const onProgress = (written: number) => pieces.push(written)
      const fresh = () => createSigner(Keypair.generate().secretKey)
      const deployment = { program, programKey, bufferKey: fresh(), payer, microLamports: 1, onProgress }
      assert.is(await deployProgram(chain, deployment), 'deployed')
      assert.is(pieces.length, Math.ceil(program.length / 900))
      assert.is(await deployProgram(chain, deployment), 'unchanged')
      const slot = await connection.getSlot()
      while ((await connection.getSlot()) <= slot) await systemClock.sleep(20)
      const longer = new Uint8Array([...program, 1])
      assert.is(
        await deployProgram(chain, { ...deployment, bufferKey: fresh(), program: longer }),
        'upgraded',
      )
      assert.is(await deployProgram(chain, { ...deployment, program: longer }), 'unchanged')
      const huge = new Uint8Array(3 * program.length)
      const refusal = await deployProgram(chain, { ...deployment, program: huge }).catch(codeOf)
      assert.is(refusal, 'PROGRAM_TOO_LARGE')
    } finally {
      hangUp(connection)
      await node.stop()
    }
  },
  { timeoutMs: 60_000 },
)

test.run()
