import { openStore } from '../../node/store/level.js'

/** A process that writes numbered documents and says each number on standard output once its write has resolved. */
const store = await openStore(process.argv[2] ?? '')
const numbers = store.collection<{ number: bigint }>('numbers')
process.stdout.write('open\n')
for (let number = 0; ; number++) {
  await numbers.put(String(number), { number: BigInt(number) })
  process.stdout.write(`${number}\n`)
}
