import { openDevice } from '../../kernels/worker/device.js'
import { systemClock } from '../../node/system/clock.js'
import { silentLog } from '../../node/system/log.js'

/** A process that opens a device, starts a long proof on it and tells its parent the worker's pid. To be killed. */
const device = await openDevice({ backend: 'wasm', clock: systemClock, log: silentLog })
device.prove({ seed: new Uint8Array(32), params: { n: 2048, rounds: 256 } }).catch(() => {})
process.send?.(device.pid)
