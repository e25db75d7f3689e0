import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Keypair } from '@solana/web3.js'
import * as assert from 'uvu/assert'
import { readKeyFile, readOrCreateKeyFile, writeKeyFile } from '../../node/identity/key.js'
import { systemRandom } from '../../node/system/random.js'
import { codeOf } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('key files')
const KEY = Keypair.fromSeed(new Uint8Array(32).fill(5))
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8)

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-key-'))
  try {
    await body(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function codeFrom(attempt: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    return codeOf(error) ?? String(error)
  }
}

test('a key that is written and read again is the same, and only its owner may read it', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'node', 'key.json')
    await writeKeyFile(path, KEY)
    assert.equal((await readKeyFile(path)).secretKey, KEY.secretKey)
    assert.is(modeOf(path), '600')
    assert.is(modeOf(join(folder, 'node')), '700')
    assert.equal(readdirSync(join(folder, 'node')), ['key.json'])
  }))

test('the file is what the Solana tools write: 64 numbers, seed and public key', () =>
  inFolder(async (folder) => {
    await writeKeyFile(join(folder, 'key.json'), KEY)
    const numbers = JSON.parse(readFileSync(join(folder, 'key.json'), 'utf8')) as number[]
    assert.is(numbers.length, 64)
    assert.equal(numbers.slice(0, 32), new Array(32).fill(5))
    assert.equal(numbers.slice(32), [...KEY.publicKey.toBytes()])
  }))

test('a missing key is made once and then kept', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'new', 'key.json')
    assert.is(await codeFrom(() => readKeyFile(path)), 'KEY_FILE_MISSING')
    const made = await readOrCreateKeyFile(path, systemRandom)
    const kept = await readOrCreateKeyFile(path, systemRandom)
    assert.equal(kept.secretKey, made.secretKey)
    assert.is(modeOf(path), '600')
    const other = await readOrCreateKeyFile(join(folder, 'other.json'), systemRandom)
    assert.is.not(other.publicKey.toBase58(), made.publicKey.toBase58())
  }))

const numbers = [...KEY.secretKey]
const DAMAGED: ReadonlyArray<[title: string, text: string]> = [
  ['nothing', ''],
  ['half of a key', JSON.stringify(numbers).slice(0, 100)],
  ['too few numbers', JSON.stringify(numbers.slice(0, 63))],
  ['too many numbers', JSON.stringify([...numbers, 0])],
  ['another public key', JSON.stringify([...numbers.slice(0, 32), ...new Array(32).fill(1)])],
  ['numbers beyond a byte', JSON.stringify(numbers.map((number) => number + 256))],
  ['texts of numbers', JSON.stringify(numbers.map(String))],
  ['null', 'null'],
  ['an object', '{"length":64}'],
  ['text', 'my secret'],
]
for (const [title, text] of DAMAGED) {
  test(`a file that holds ${title} is damaged, and it is not replaced by a new key`, () =>
    inFolder(async (folder) => {
      const path = join(folder, 'key.json')
      writeFileSync(path, text)
      assert.is(await codeFrom(() => readKeyFile(path)), 'KEY_FILE_DAMAGED')
      assert.is(await codeFrom(() => readOrCreateKeyFile(path, systemRandom)), 'KEY_FILE_DAMAGED')
      assert.is(readFileSync(path, 'utf8'), text)
    }))
}

test('no error says what the key file holds', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'key.json')
    writeFileSync(path, 'secretsecret')
    try {
      await readKeyFile(path)
      assert.unreachable()
    } catch (error) {
      const { message, advice, context } = error as Error & { advice: string; context: object }
      assert.not.match(JSON.stringify({ message, advice, context }), 'secretsecret')
    }
  }))

test('a half-written key of an earlier attempt is replaced, whoever could read it', () =>
  inFolder(async (folder) => {
    const path = join(folder, 'key.json')
    writeFileSync(`${path}.partial`, '[1,2,', { mode: 0o666 })
    const made = await readOrCreateKeyFile(path, systemRandom)
    assert.equal((await readKeyFile(path)).secretKey, made.secretKey)
    assert.is(modeOf(path), '600')
    assert.equal(readdirSync(folder), ['key.json'])
  }))

test('a folder in the place of the file is unreadable', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'key.json'))
    assert.is(await codeFrom(() => readKeyFile(join(folder, 'key.json'))), 'KEY_FILE_UNREADABLE')
  }))

test('a place that cannot be written to is an error with a code, and leaves nothing behind', () =>
  inFolder(async (folder) => {
    mkdirSync(join(folder, 'key.json', 'full'), { recursive: true })
    assert.is(await codeFrom(() => writeKeyFile(join(folder, 'key.json'), KEY)), 'KEY_FILE_UNWRITABLE')
    writeFileSync(join(folder, 'file'), '')
    assert.is(
      await codeFrom(() => writeKeyFile(join(folder, 'file', 'key.json'), KEY)),
      'KEY_FILE_UNWRITABLE',
    )
    assert.equal(readdirSync(folder).sort(), ['file', 'key.json'])
  }))

test.run()
