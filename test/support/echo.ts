import '../../node/polyfill.js'
import { startNetwork, textProtocol } from './network.js'

/** A node as a process of its own, to be killed: it echoes text, with its data in the directory named first. */
const [dataDir] = process.argv.slice(2)
const network = await startNetwork({ dataDir, seed: new Uint8Array(32).fill(9) })
await network.engine.handle(textProtocol(), async (session) => {
  for await (const text of session) await session.send(text)
})
process.stdout.write(`${network.addresses()[0]}\n`)
