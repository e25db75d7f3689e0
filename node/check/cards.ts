import type { BackendReport } from '../../kernels/backend/backend.js'
import type { Detection } from '../../kernels/devices/detect.js'
import type { Finding } from './finding.js'

/** The cards of this machine, their drivers, and what the sources do not agree on. */
export function judgeCards({ devices, disagreements }: Detection): Finding {
  if (devices.length === 0 && disagreements.length === 0) {
    return {
      verdict: 'warn',
      found: 'no graphics card was found; only software devices can be offered',
      advice:
        'with a card in the machine: lspci | grep -Ei "vga|3d|display" shows whether the system sees it',
    }
  }
  const cards = devices.map(({ model, memoryBytes, driver }) =>
    [
      model,
      memoryBytes === undefined ? undefined : `${(memoryBytes / 2 ** 30).toFixed(1)} GiB`,
      driver === undefined || driver === '' ? 'driver unknown' : `driver ${driver}`,
    ]
      .filter((part) => part !== undefined)
      .join(', '),
  )
  const driverless = devices.find(({ source, model }) => source === 'system' && isNvidia(model))
  const found = [...cards, ...disagreements.map((each) => `disagreement: ${each}`)].join('\n')
  if (driverless !== undefined && !devices.some(({ source }) => source === 'nvidia-smi')) {
    return { verdict: 'warn', found, advice: adviseDriver(driverless.model) }
  }
  if (disagreements.length === 0) return { verdict: 'ok', found }
  return {
    verdict: 'warn',
    found,
    advice: `this is published with your offer, and renters may pass over it; ${adviseDriver(devices[0]?.model ?? '')}`,
  }
}

/** What can be computed on. A software device never counts as a card. */
export function judgeBackends(reports: readonly BackendReport[], model: string | undefined): Finding {
  const found = reports
    .map((each) =>
      each.ok
        ? `${each.backend}: ${each.model} (${each.gpu ? 'GPU' : 'software'}), ${(each.gflops ?? 0).toFixed(1)} GFLOP/s`
        : `${each.backend}: ${each.reason}`,
    )
    .join('\n')
  if (reports.some(({ ok, gpu }) => ok && gpu)) return { verdict: 'ok', found }
  if (!reports.some(({ ok }) => ok)) {
    return { verdict: 'fail', found, advice: 'no backend works: reinstall the dependencies with npm ci' }
  }
  return { verdict: 'warn', found, advice: `only software works: ${adviseDriver(model ?? '')}` }
}

function adviseDriver(model: string): string {
  if (isNvidia(model)) {
    return 'install the maker’s driver (sudo ubuntu-drivers install, or nvidia.com/drivers), restart, and run "npm run setup:tensorflow"'
  }
  return 'install the Vulkan driver of the card (sudo apt-get install mesa-vulkan-drivers; vulkaninfo --summary shows it)'
}

function isNvidia(model: string): boolean {
  return /nvidia|geforce|quadro|tesla|\brtx\b|\bgtx\b/i.test(model)
}
