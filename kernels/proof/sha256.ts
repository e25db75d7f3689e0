import * as crypto from 'node:crypto'

/** The one-shot call (Node 20.12 and later) costs two thirds of a hash object, and a proof makes a great many. */
const oneShot = (crypto as { hash?: (name: string, data: Uint8Array, encoding: 'buffer') => Uint8Array }).hash

export const sha256: (data: Uint8Array) => Uint8Array =
  oneShot === undefined
    ? (data) => crypto.createHash('sha256').update(data).digest()
    : (data) => oneShot('sha256', data, 'buffer')
