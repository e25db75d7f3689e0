import { readFileSync } from 'node:fs'

/** From the package's own package.json, three folders above the compiled file. */
export function readVersion(): string {
  const text = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
