import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { extract, type Header, pack } from 'tar-stream'

/** One entry of an archive; what of `data` is not read is passed over. */
export interface TarEntry {
  readonly header: Header
  readonly data: AsyncIterable<Uint8Array>
}

/** The entries of a tar archive, in their order, with back-pressure. Throws on what is no archive. */
export async function* readTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry, void, void> {
  const unpacked = extract()
  const feeding = pipeline(archive, unpacked as unknown as Writable).catch((error) => {
    unpacked.destroy(error as Error)
  })
  try {
    for await (const entry of unpacked) {
      yield { header: entry.header, data: entry as AsyncIterable<Uint8Array> }
      entry.resume()
    }
  } finally {
    unpacked.destroy()
    await feeding
  }
}

export type NewEntry = Partial<Header> & Pick<Header, 'name'>

/** Writes entries one after the other; each resolves when the reader has taken it, so that memory stays bounded. */
export interface TarWriter {
  add(header: NewEntry, data?: AsyncIterable<Uint8Array> | Uint8Array): Promise<void>
}

/** A tar archive as a stream, made while it is read. It fails with what `write` fails with. */
export function writeTar(write: (tar: TarWriter) => Promise<void>): Readable {
  const packed = pack()
  const tar: TarWriter = {
    add: (header, data) =>
      new Promise((resolve, reject) => {
        const done = (error?: Error | null) => (error ? reject(error) : resolve())
        if (data === undefined) packed.entry({ size: 0, ...header }, done)
        else if (data instanceof Uint8Array) packed.entry(header, Buffer.from(data), done)
        else pipeline(data, packed.entry(header, done) as unknown as Writable).catch(reject)
      }),
  }
  const archive = Readable.from(packed as AsyncIterable<Uint8Array>, { objectMode: false })
  archive.once('close', () => packed.destroy())
  write(tar).then(
    () => packed.finalize(),
    (error) => archive.destroy(error),
  )
  return archive
}
