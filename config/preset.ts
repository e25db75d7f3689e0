import { readFileSync } from 'node:fs'
import type { PresetName } from './schema.js'

/** The text of a preset that ships with the program: dist/config/preset.js stands two folders below the package. */
export function readPresetText(name: PresetName): string {
  return readFileSync(new URL(`../../config/${name}.json`, import.meta.url), 'utf8')
}
