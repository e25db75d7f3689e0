import { openAdapter } from '../../kernels/backend/adapter.js'
import { openProgram } from '../../kernels/wgsl/program.js'
import { parseShaderSpec } from '../../kernels/wgsl/spec.js'
import { codeOf } from '../../protocols/errors.js'

/** A process whose graphics device goes away in the middle of a job, as after a reset of the driver; tells its parent what came of it. */
const code = '@compute @workgroup_size(1) fn main() { counts[0] += 1u; }'
const spec = parseShaderSpec({
  shader: code,
  buffers: [{ name: 'counts', usage: 'state', type: 'u32', length: 4 }],
  passes: [{ entry: 'main', workgroups: 1 }],
  steps: 1_000_000,
})
const { adapter } = await openAdapter()
const device = await adapter.requestDevice({ requiredFeatures: [], requiredLimits: {} })
const program = await openProgram(device, { spec, code, sizes: [16] })
const ran = program.run(0, {
  clock: { elapsed: () => performance.now() },
  turn: async () => {},
  wantsCheckpoint: () => false,
  onProgress: (step) => {
    if (step > 10) device.destroy()
  },
  onCheckpoint: () => {},
  onAlive: () => {},
})
const run = await ran.then(
  () => 'done',
  (error) => codeOf(error) ?? String(error),
)
const read = await program.read(0, 0, 16).then(
  () => 'read',
  (error) => codeOf(error) ?? String(error),
)
process.send?.({ run, read }, undefined, undefined, () => process.exit(0))
