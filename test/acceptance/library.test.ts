import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { suite } from '../support/suite.js'

const test = suite('the library')

const root = fileURLToPath(new URL('../../../', import.meta.url))
const main = join(root, 'dist/node/cli/main.js')

/** The script that stands in README, as a reader would copy it. */
async function readScript(): Promise<string> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const blocks = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, block]) => block ?? '')
  const script = blocks.find((block) => block.includes("from 'nightshift'"))
  assert.ok(script, 'README holds a script that imports nightshift')
  return script
}

interface Ended {
  code: number | null
  stdout: string
  stderr: string
}

function run(args: string[]): Promise<Ended> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => (said.stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (said.stderr += chunk.toString()))
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, ...said })))
}

/** Starts a local swarm and resolves to the configuration of its renter, and a function that ends it. */
async function startSwarm(): Promise<{ config: string; stop: () => Promise<number | null> }> {
  const child = spawn(process.execPath, [main, 'swarm', 'start', '-n', '1'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const config = await new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      said += chunk.toString()
      const found = /--config (\S+config\.json)/.exec(said)
      if (found?.[1] !== undefined) resolve(found[1])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    void ended.then((code) => reject(new Error(`the swarm ended with ${code}: ${said}`)))
  })
  return {
    config,
    stop: () => {
      child.kill('SIGINT')
      return ended
    },
  }
}

test(
  'the script of README is shorter than 25 lines and gets its result from a swarm',
  async () => {
    const script = await readScript()
    assert.ok(script.trim().split('\n').length < 25, 'fewer than 25 lines')
    const swarm = await startSwarm()
    // Inside the package, so that its own name resolves to it as it would for one who installed it.
    const folder = await mkdtemp(join(root, 'dist', 'readme-'))
    try {
      const file = join(folder, 'rent.mjs')
      await writeFile(file, script)
      const { code, stdout, stderr } = await run([file, swarm.config])
      assert.is(code, 0, stderr)
      const [state, accuracy, path] = stdout.trim().split('\n').at(-1)?.split(' ') ?? []
      assert.is(state, 'COMPLETED')
      assert.ok(Number(accuracy) >= 0.95, `accuracy ${accuracy}`)
      assert.ok((await readFile(path ?? '')).length > 1_000, 'the model is where the script says')
      assert.match(stdout, 'leased from 12D3Koo')
    } finally {
      await rm(folder, { recursive: true })
      await swarm.stop()
    }
  },
  { timeoutMs: 120_000 },
)

test.run()
