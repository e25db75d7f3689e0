import type { Card } from '../backend/backend.js'
import type { DetectedDevice } from './detect.js'

/**
 * Of all NVIDIA cards, in the order of nvidia-smi's list (PCI), the largest group of equal ones: same name, same memory.
 * Of groups of one size the first. Pure.
 */
export function chooseCards(nvidia: readonly DetectedDevice[]): Card[] {
  const groups = new Map<string, Card[]>()
  for (const [index, { model, memoryBytes = 0 }] of nvidia.entries()) {
    const key = `${model}\n${memoryBytes}`
    groups.set(key, [...(groups.get(key) ?? []), { index, model }])
  }
  return [...groups.values()].reduce<Card[]>((most, group) => (group.length > most.length ? group : most), [])
}
