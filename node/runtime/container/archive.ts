import { posix } from 'node:path'
import type { Readable } from 'node:stream'
import { collect } from './collect.js'
import { createGauge, unusableImage } from './layer.js'
import { readTar, type TarEntry, type TarWriter, writeTar } from './tar.js'

/** A manifest and a configuration are small; what is larger is no image. */
const MAX_META_BYTES = 4 * 2 ** 20
const MAX_LAYERS = 128
/** Of all layers: each takes an inode of the host, which are fewer than blocks. A whole distribution has some 100,000. */
const MAX_FILES = 1_000_000
/** `docker save` writes at most four for each layer. */
const MAX_ENTRIES = 1_024
/** Printable: a name that one reader ends at a NUL is another name to the next. */
const NAME = /^[\x20-\x7e]{1,255}$/
const MANIFEST = 'manifest.json'
/** Other lists of names, which `manifest.json` makes superfluous, and which some engines read before it. */
const OTHER_LISTS = new Set(['repositories', 'index.json', 'oci-layout'])

/**
 * An image archive as `docker save` writes it, passed on with every name in it replaced by `tag`: an archive can
 * otherwise put itself in the place of an image that the owner of this host uses. Each entry is written anew from its
 * name, kind and size; of what its header said besides nothing is passed on. Devices, paths that lead out, a second
 * entry of the same name and one that lies below a link are refused, and so is more than `maxBytes` when unpacked.
 * Source of the form: Docker Image Specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
 */
export function retag(archive: AsyncIterable<Uint8Array>, tag: string, maxBytes: number): Readable {
  return writeTar((tar) => rewrite(archive, tar, tag, maxBytes))
}

async function rewrite(
  archive: AsyncIterable<Uint8Array>,
  tar: TarWriter,
  tag: string,
  maxBytes: number,
): Promise<void> {
  const names = createNames()
  const layers = new Set<string>()
  let total = 0
  let files = 0
  let wanted: readonly string[] | undefined
  for await (const { header, data } of readTar(archive)) {
    const name = names.enter(header)
    const { type, size } = header
    if (OTHER_LISTS.has(name)) continue
    if (name === MANIFEST && type === 'file') {
      const { layers: named, text } = rename(
        await collect(data, MAX_META_BYTES, () =>
          unusableImage(`a manifest of more than ${MAX_META_BYTES} bytes`),
        ),
        tag,
      )
      wanted = named
      await tar.add({ name }, new TextEncoder().encode(text))
    } else if (type === 'file') {
      const gauge = createGauge(maxBytes - total, MAX_FILES - files)
      await tar.add({ name, size }, gauge.count(data))
      total += gauge.bytes()
      files += gauge.entries()
      if (gauge.isLayer()) layers.add(name)
    } else if (type === 'symlink') await tar.add({ name, type, linkname: header.linkname ?? '' })
    else await tar.add({ name, type: 'directory' })
  }
  if (wanted === undefined) throw unusableImage('it has no manifest.json; write it with `docker save`')
  for (const layer of wanted) {
    if (!layers.has(names.target(layer))) throw unusableImage(`its layer ${layer} is no tar, plain or gzip`)
  }
}

/** Each place in the archive is written once, and by its own name only. */
function createNames() {
  const folders = new Set<string>()
  const files = new Set<string>()
  const links = new Map<string, string>()
  let entries = 0

  const enter = ({ name, type, size, linkname }: TarEntry['header']): string => {
    if (++entries > MAX_ENTRIES) throw unusableImage(`more than ${MAX_ENTRIES} entries`)
    // Older versions of `docker save` write equal layers once and link to them, within the archive.
    if (type !== 'file' && type !== 'directory' && type !== 'symlink') {
      throw unusableImage(`an entry of the type ${type}`)
    }
    if (!Number.isSafeInteger(size) || size < 0 || (type !== 'file' && size > 0)) {
      throw unusableImage(`an entry of ${size} bytes`)
    }
    const plain = plainPath(name)
    const isTaken = files.has(plain) || (type !== 'directory' && folders.has(plain))
    if (isTaken) throw unusableImage(`two entries named ${plain}`)
    for (let above = posix.dirname(plain); above !== '.'; above = posix.dirname(above)) {
      if (files.has(above)) throw unusableImage(`the path ${plain} leads through ${above}`)
      folders.add(above)
    }
    if (type === 'symlink') links.set(plain, plainPath(posix.join(posix.dirname(plain), relative(linkname))))
    if (type === 'directory') folders.add(plain)
    else files.add(plain)
    return plain
  }
  return { enter, target: (name: string) => links.get(name) ?? name }
}

function relative(linkname: string | null | undefined): string {
  if (linkname == null || !NAME.test(linkname) || linkname.startsWith('/')) {
    throw unusableImage(`a link to ${JSON.stringify(linkname)}`)
  }
  return linkname
}

/** Without `.` and empty parts. */
function plainPath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.')
  if (!NAME.test(path) || path.startsWith('/') || parts.includes('..') || parts.length === 0) {
    throw unusableImage(`the path ${JSON.stringify(path)}`)
  }
  return parts.join('/')
}

function rename(manifest: Uint8Array, tag: string): { layers: string[]; text: string } {
  let images: unknown
  try {
    images = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(manifest))
  } catch {
    throw unusableImage('its manifest.json is not JSON')
  }
  if (!Array.isArray(images) || images.length !== 1) throw unusableImage('it must hold one image')
  const { Config, Layers } = (images[0] ?? {}) as { Config?: unknown; Layers?: unknown }
  const isReadable = typeof Config === 'string' && Array.isArray(Layers) && Layers.length <= MAX_LAYERS
  if (!isReadable || !Layers.every((layer) => typeof layer === 'string')) {
    throw unusableImage(`its manifest.json names no configuration, or more than ${MAX_LAYERS} layers`)
  }
  const layers = Layers.map(plainPath)
  return { layers, text: JSON.stringify([{ Config: plainPath(Config), RepoTags: [tag], Layers: layers }]) }
}
