import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { Header } from 'tar-stream'
import { NightshiftError } from '../../../protocols/errors.js'
import { readTar, type TarWriter, writeTar } from './tar.js'

/** A manifest and a configuration are small; what is larger is no image. */
const MAX_META_BYTES = 4 * 2 ** 20
const MAX_LAYERS = 128
const GZIP = [0x1f, 0x8b]

/**
 * An image archive as `docker save` writes it, passed on with every name in it replaced by `tag`: an archive can
 * otherwise put itself in the place of an image that the owner of this host uses. Devices and paths that lead out are
 * refused, and so is more than `maxBytes` when unpacked: a small archive may hold a large one.
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
  let total = 0
  let isImage = false
  for await (const { header, data } of readTar(archive)) {
    checkEntry(header)
    const { name } = header
    // The older list of names, which `manifest.json` has taken the place of.
    if (name === 'repositories') continue
    if (name === 'manifest.json') {
      isImage = true
      const renamed = new TextEncoder().encode(rename(await readAll(data), tag))
      await tar.add({ ...header, size: renamed.length }, renamed)
    } else if (header.type === 'file') {
      const meter = createMeter(maxBytes - total)
      await tar.add(header, meter.count(data))
      total += meter.bytes()
    } else {
      await tar.add(header)
    }
  }
  if (!isImage) throw unusable('it has no manifest.json; write it with `docker save`')
}

function checkEntry({ name, type, size }: Header): void {
  const parts = name.split('/')
  if (name.startsWith('/') || parts.includes('..')) throw unusable(`the path ${JSON.stringify(name)}`)
  // Older versions of `docker save` write equal layers once and link to them, within the archive.
  if (type !== 'file' && type !== 'directory' && type !== 'symlink') {
    throw unusable(`an entry of the type ${type}`)
  }
  if (!Number.isSafeInteger(size) || size < 0) throw unusable(`an entry of ${size} bytes`)
}

/** Passes a stream on and counts its bytes, and those that come out of it when it is gzip. */
function createMeter(maxBytes: number) {
  let bytes = 0
  let inflated = 0
  const check = () => {
    if (Math.max(bytes, inflated) > maxBytes)
      throw unusable(`more than ${maxBytes} bytes when it is unpacked`)
  }
  return {
    bytes: () => Math.max(bytes, inflated),
    count: async function* (data: AsyncIterable<Uint8Array>) {
      let gunzip: ReturnType<typeof createGunzip> | undefined
      for await (const piece of data) {
        if (bytes === 0 && piece[0] === GZIP[0] && piece[1] === GZIP[1]) {
          gunzip = createGunzip()
          gunzip.on('data', (out: Uint8Array) => (inflated += out.length))
          // What only looks like gzip is the engine's to judge.
          gunzip.on('error', () => gunzip?.destroy())
        }
        bytes += piece.length
        // In step with the decompression, so that a bomb is found at its first bytes.
        if (gunzip?.destroyed === false && !gunzip.write(piece)) await once(gunzip, 'drain').catch(() => {})
        check()
        yield piece
      }
      if (gunzip?.destroyed === false) {
        gunzip.end()
        await once(gunzip, 'end').catch(() => {})
      }
      check()
    },
  }
}

async function readAll(data: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of data) {
    bytes += piece.length
    if (bytes > MAX_META_BYTES) throw unusable(`a manifest of more than ${MAX_META_BYTES} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function rename(manifest: Uint8Array, tag: string): string {
  let images: unknown
  try {
    images = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(manifest))
  } catch {
    throw unusable('its manifest.json is not JSON')
  }
  if (!Array.isArray(images) || images.length !== 1) throw unusable('it must hold one image')
  const { Config, Layers } = images[0] as { Config?: unknown; Layers?: unknown }
  const isReadable = typeof Config === 'string' && Array.isArray(Layers) && Layers.length <= MAX_LAYERS
  if (!isReadable || !Layers.every((layer) => typeof layer === 'string')) {
    throw unusable(`its manifest.json names no configuration, or more than ${MAX_LAYERS} layers`)
  }
  return JSON.stringify([{ Config, RepoTags: [tag], Layers }])
}

function unusable(what: string): NightshiftError {
  return new NightshiftError('IMAGE_UNUSABLE', `the image archive cannot be used: ${what}`, {
    advice: 'write it with `docker save IMAGE > image.tar`, one image at a time, and name it as `archive`',
    context: { what },
  })
}
