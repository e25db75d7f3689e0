import { fork } from 'node:child_process'
import * as assert from 'uvu/assert'
import { codeOf } from '../../protocols/errors.js'
import { openTestDevice, useSwiftshader } from '../support/kernels.js'
import { suite } from '../support/suite.js'

const test = suite('the WebGPU backend')

if (useSwiftshader()) {
  test(
    'a software adapter never passes for a GPU, and "auto" does not choose it',
    async () => {
      const device = await openTestDevice({ backend: 'webgpu' })
      await device.close()
      assert.is(device.report.gpu, false)
      assert.match(device.report.model, /SwiftShader/)
      const chosen = await openTestDevice({ backend: 'auto' })
      await chosen.close()
      assert.is.not(chosen.report.backend, 'webgpu')
    },
    { timeoutMs: 90_000 },
  )

  test(
    'a card is chosen by its name, and one that is not there is not replaced by another',
    async () => {
      const chosen = await openTestDevice({ backend: 'webgpu', card: { index: 0, model: 'SwiftShader' } })
      await chosen.close()
      assert.match(chosen.report.model, /SwiftShader/)
      const missing = await openTestDevice({
        backend: 'webgpu',
        card: { index: 0, model: 'RTX 4090' },
      }).catch(codeOf)
      assert.is(missing, 'BACKEND_UNAVAILABLE')
    },
    { timeoutMs: 90_000 },
  )

  test(
    'an oversized tensor comes back as zeros without an error, and is found out before the result is used',
    async () => {
      const child = fork(new URL('../support/webgpu-overflow.js', import.meta.url), {
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
        execArgv: [],
      })
      const found = await new Promise((resolve, reject) => {
        child.once('message', resolve)
        child.once('exit', (code) => reject(new Error(`ended with ${code}`)))
      })
      assert.equal(found, { before: 'settled', corner: 0, after: 'DEVICE_FAILED' })
    },
    { timeoutMs: 60_000 },
  )
} else {
  test.skip('WebGPU on a software adapter', 'no software device here: npm run setup:swiftshader')
}

test.run()
