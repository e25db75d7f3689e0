import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A registry of one image over HTTP, as far as pulling goes. Source: OCI Distribution Specification 1.1, "Pull".
 */
export interface TestRegistry {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** The image by its digest. */
  readonly image: string
  /** Blobs and manifests that were sent, whole or not. */
  sent(): number
  /** How layers are sent from now on. */
  fault(kind: 'none' | 'cut' | 'flipped'): void
  close(): Promise<void>
}

const NAME = 'nightshift/shell'

export async function startRegistry(parts: { layer: Uint8Array; image: Uint8Array }): Promise<TestRegistry> {
  const { layer, image } = parts
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: 'application/vnd.oci.image.manifest.v1+json',
      config: describe('application/vnd.oci.image.config.v1+json', image),
      layers: [describe('application/vnd.oci.image.layer.v1.tar', layer)],
    }),
  )
  const flipped = Uint8Array.from(layer)
  flipped[Math.floor(flipped.length / 2)]! ^= 1
  let kind: 'none' | 'cut' | 'flipped' = 'none'
  let sent = 0
  const blobs = new Map([image, layer].map((bytes) => [digestOf(bytes), bytes]))
  const server = createServer((request, response) => {
    const [, place, digest] =
      /^\/v2\/nightshift\/shell\/(blobs|manifests)\/(\S+)$/.exec(request.url ?? '') ?? []
    if (request.url === '/v2/') return response.end('{}')
    const bytes =
      place === 'blobs' ? blobs.get(digest!) : digest === digestOf(manifest) ? manifest : undefined
    if (bytes === undefined) {
      response.writeHead(404, { 'content-type': 'application/json' })
      return response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"not here"}]}')
    }
    response.writeHead(200, {
      'content-length': bytes.length,
      'content-type':
        place === 'blobs' ? 'application/octet-stream' : 'application/vnd.oci.image.manifest.v1+json',
      'docker-content-digest': digest,
    })
    if (request.method === 'HEAD') return response.end()
    sent++
    if (bytes !== layer || kind === 'none') return response.end(bytes)
    if (kind === 'flipped') return response.end(flipped)
    return response.write(layer.subarray(0, layer.length / 2), () => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    address,
    image: `${address}/${NAME}@${digestOf(manifest)}`,
    sent: () => sent,
    fault: (next) => {
      kind = next
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function describe(mediaType: string, bytes: Uint8Array) {
  return { mediaType, digest: digestOf(bytes), size: bytes.length }
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
