/** All bytes of a stream, in memory; throws what `refuse` makes at the first one over the limit. */
export async function collect(
  data: AsyncIterable<Uint8Array>,
  maxBytes: number,
  refuse: () => Error,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of data) {
    bytes += piece.length
    if (bytes > maxBytes) throw refuse()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
