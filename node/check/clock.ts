import { HEARTBEAT_LIMITS } from '../../protocols/heartbeat/rules.js'
import type { Finding } from './finding.js'

/** A cluster's clock is the stake-weighted median of its validators' and may itself be off by this much. */
const CHAIN_DRIFT_MS = 60_000

const COMMANDS: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: 'sudo timedatectl set-ntp true',
  darwin: 'sudo sntp -sS time.apple.com',
  win32: 'w32tm /resync (as administrator)',
}

/** Heartbeats and orders of a node whose clock is off are thrown away by everybody. */
export function judgeClock(nowMs: number, chainMs: number, platform: NodeJS.Platform): Finding {
  const offMs = nowMs - chainMs
  const seconds = (Math.abs(offMs) / 1_000).toFixed(1)
  const found = `${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} the chain's`
  if (Math.abs(offMs) <= HEARTBEAT_LIMITS.maxSkewMs) return { verdict: 'ok', found }
  const advice = `let the system set its clock: ${COMMANDS[platform] ?? 'switch on network time'}`
  return { verdict: Math.abs(offMs) <= CHAIN_DRIFT_MS ? 'warn' : 'fail', found, advice }
}
