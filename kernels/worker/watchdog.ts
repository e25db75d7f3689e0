/**
 * A thread beside the worker's main one: ends the whole process when its parent is gone. The IPC channel's end is
 * noticed only between two turns of the event loop, and a driver can hang in the middle of one. Entry file.
 */
const parent = process.ppid
const INTERVAL_MS = 500

function parentLives(): boolean {
  if (process.ppid !== parent) return false
  try {
    process.kill(parent, 0)
    return true
  } catch (error) {
    return (error as { code?: string }).code === 'EPERM'
  }
}

setInterval(() => {
  if (!parentLives()) process.kill(process.pid, 'SIGKILL')
}, INTERVAL_MS)
