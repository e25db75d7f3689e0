import { printable } from '../../protocols/text.js'
import { busiest } from './nvidia.js'
import type { Seen, Sensor, SensorName } from './port.js'
import type { LineProgram } from './stream.js'

/**
 * Windows tells all of it to one PowerShell that goes on: the time since the last input (GetLastInputInfo), whether a
 * program fills the screen (SHQueryUserNotificationState), and what each process does with the card (the performance
 * counters of the GPU's engines, by class and not by counter name, because those are translated).
 */
const SCRIPT = `
$ErrorActionPreference = 'SilentlyContinue'
Add-Type @'
using System;
using System.Runtime.InteropServices;
public static class Owner {
  [StructLayout(LayoutKind.Sequential)] struct Input { public uint size; public uint time; }
  [DllImport("user32.dll")] static extern bool GetLastInputInfo(ref Input input);
  [DllImport("shell32.dll")] static extern int SHQueryUserNotificationState(out int state);
  public static uint Idle() {
    var input = new Input(); input.size = 8;
    return GetLastInputInfo(ref input) ? unchecked((uint)Environment.TickCount - input.time) : uint.MaxValue;
  }
  public static int State() { int state; return SHQueryUserNotificationState(out state) == 0 ? state : 0; }
}
'@
while ($true) {
  "input $([Owner]::Idle())"
  "screen $([Owner]::State())"
  $used = @{}
  Get-CimInstance Win32_PerfFormattedData_GPUPerformanceCounters_GPUEngine -Filter 'UtilizationPercentage > 0' |
    Where-Object { $_.Name -match '^pid_(\\d+)_.*_engtype_(3D|Compute.*|Cuda)$' } |
    ForEach-Object { $used[[int]$Matches[1]] = [Math]::Max([int]$used[[int]$Matches[1]], [int]$_.UtilizationPercentage) }
  foreach ($id in $used.Keys) {
    $chain = @(); $at = $id
    while ($at -gt 4 -and $chain.Count -lt 16) {
      $process = Get-CimInstance Win32_Process -Filter "ProcessId = $at"
      if ($chain.Count -eq 0) { $name = $process.Name }
      $chain += $at; $at = [int]$process.ParentProcessId
    }
    "gpu $($used[$id]) $($chain -join ',') $name"
  }
  'end'
  [Console]::Out.Flush()
  Start-Sleep -Milliseconds 700
}`

/** Full screen: a program (2), one that has the display for itself (3), a presentation (4), one of the store (7). */
const FULL_SCREEN: readonly number[] = [2, 3, 4, 7]
const UNKNOWN_IDLE = 2 ** 32 - 1

export const POWERSHELL = [
  'powershell.exe',
  '-NoLogo',
  '-NoProfile',
  '-NonInteractive',
  '-EncodedCommand',
  Buffer.from(SCRIPT, 'utf16le').toString('base64'),
] as const

/** Reads one look, line by line; what was seen is told at its end. `self`: the pid of this node. */
export function createWindowsReader(self: number): (line: string) => Seen | undefined {
  let uses: Array<{ percent: number; program: string }> = []
  let seen: Seen = {}
  return (line) => {
    const [word, first = '', chain = '', ...name] = line.trim().split(' ')
    if (word === 'input') {
      const ms = Number(first)
      seen = { ...seen, inputAgoMs: Number.isFinite(ms) && ms !== UNKNOWN_IDLE ? ms : undefined }
    }
    if (word === 'screen')
      seen = { ...seen, fullscreen: FULL_SCREEN.includes(Number(first)) ? '' : undefined }
    if (word === 'gpu' && !chain.split(',').map(Number).includes(self))
      uses.push({ percent: Number(first), program: printable(name.join(' ')).slice(0, 64) || 'a program' })
    if (word !== 'end') return undefined
    const told = { ...seen, gpu: busiest(uses) }
    uses = []
    seen = {}
    return told
  }
}

/** The keys of what was seen that each name stands for. */
const KEYS: Partial<Record<SensorName, keyof Seen>> = {
  gpu: 'gpu',
  fullscreen: 'fullscreen',
  input: 'inputAgoMs',
}

/** One sensor for each name that is asked for; one program behind all of them, begun with the first, ended with the last. */
export function createWindowsSensors(
  names: readonly SensorName[],
  parts: { program: LineProgram; pid: number },
): Sensor[] {
  const { program, pid } = parts
  const read = createWindowsReader(pid)
  const listeners = new Map<SensorName, (seen: Seen) => void>()
  return names.map((name) => ({
    name,
    means: 'PowerShell',
    start: (tell) => {
      listeners.set(name, tell)
      if (listeners.size > 1) return
      program.start((line) => {
        const seen = read(line)
        if (seen === undefined) return
        for (const [listener, tellIt] of listeners) {
          const key = KEYS[listener]
          if (key !== undefined) tellIt({ [key]: seen[key] })
        }
      })
    },
    stop: async () => {
      listeners.delete(name)
      if (listeners.size === 0) await program.stop()
    },
  }))
}
