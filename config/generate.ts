import { readFileSync, writeFileSync } from 'node:fs'
import { describeManifest } from './manifest/editor.js'
import { writeOptionsTable } from './options.js'

/**
 * Writes what is derived from the schemas: the JSON schema for editors and the table of options in README.md. Run it
 * as `node dist/config/generate.js` after a change of a schema, and format afterwards; a test says when it is due.
 */
const MARKS = ['<!-- options -->', '<!-- end of options -->'] as const

const folder = new URL('../../config/', import.meta.url)
writeFileSync(new URL('manifest.schema.json', folder), `${JSON.stringify(describeManifest(), null, 2)}\n`)

const readme = readFileSync(new URL('README.md', folder), 'utf8')
const [head] = readme.split(MARKS[0])
const [, tail] = readme.split(MARKS[1])
if (tail === undefined) throw new Error(`config/README.md has lost its marks ${MARKS.join(' and ')}`)
writeFileSync(new URL('README.md', folder), `${head}${MARKS[0]}\n${writeOptionsTable()}\n${MARKS[1]}${tail}`)
