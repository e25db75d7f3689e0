import type { Ed25519PrivateKey } from '@libp2p/interface'
import { peerIdFromPublicKey } from '@libp2p/peer-id'
import { RecordEnvelope } from '@libp2p/peer-record'
import { equals } from 'uint8arrays/equals'
import type { Refusal } from './errors.js'

/** The key of a node: it signs envelopes, and its public half is the node's peer id and its Solana address. */
export type NodeKey = Ed25519PrivateKey

/**
 * Every message that someone must answer for travels in a signed envelope (libp2p RFC 0002): public key, payload type,
 * payload, and an ed25519 signature over (domain, payload type, payload). Each word has its own domain, so that what was
 * signed as a bid can never be shown as a voucher.
 */
export interface Opened {
  /** Base58 peer id of the signer. */
  peer: string
  /** Its 32-byte public key, which is its Solana address. */
  publicKey: Uint8Array
  payload: Uint8Array
}

export type EnvelopeRefusal = Refusal<
  | 'ENVELOPE_OVERSIZED'
  | 'ENVELOPE_MALFORMED'
  | 'ENVELOPE_WRONG_KEY_TYPE'
  | 'ENVELOPE_WRONG_DOMAIN'
  | 'ENVELOPE_BAD_SIGNATURE'
>

/** What an envelope adds to its payload, at most: key 36, signature 64, payload type and protobuf tags. */
export const ENVELOPE_OVERHEAD_BYTES = 256

export function envelopeDomain(word: string): string {
  return `nightshift/${word}`
}

export async function seal(message: {
  word: string
  payload: Uint8Array
  key: NodeKey
}): Promise<Uint8Array> {
  const domain = envelopeDomain(message.word)
  const record = {
    domain,
    codec: new TextEncoder().encode(domain),
    marshal: () => message.payload,
    equals: () => false,
  }
  const envelope = await RecordEnvelope.seal(record, message.key)
  return envelope.marshal()
}

/** Never throws on what came from outside: whatever is wrong with `bytes` is a refusal. `maxBytes` limits the whole. */
export async function open(message: {
  word: string
  bytes: Uint8Array
  maxBytes: number
}): Promise<Opened | EnvelopeRefusal> {
  const { bytes, maxBytes } = message
  if (bytes.byteLength > maxBytes) {
    return refuse('ENVELOPE_OVERSIZED', `${bytes.byteLength} bytes, at most ${maxBytes} are allowed`)
  }
  const envelope = parse(bytes)
  if (envelope === undefined) return refuse('ENVELOPE_MALFORMED', 'the bytes are no envelope')
  if (envelope.publicKey.type !== 'Ed25519') {
    return refuse('ENVELOPE_WRONG_KEY_TYPE', `signed with a key of type ${envelope.publicKey.type}`)
  }
  const domain = envelopeDomain(message.word)
  const payloadType = new TextDecoder().decode(envelope.payloadType)
  if (payloadType !== domain) {
    return refuse('ENVELOPE_WRONG_DOMAIN', `made for another purpose than ${domain}`)
  }
  if (!(await isSigned(envelope, domain))) {
    return refuse('ENVELOPE_BAD_SIGNATURE', 'the signature does not match the key and the payload')
  }
  return {
    peer: peerIdFromPublicKey(envelope.publicKey).toString(),
    publicKey: envelope.publicKey.raw,
    payload: envelope.payload,
  }
}

/** What an envelope holds that was opened before; undefined for what is none. Nothing is verified here. */
export function payloadOf(bytes: Uint8Array): Uint8Array | undefined {
  return parse(bytes)?.payload
}

/**
 * Only the one canonical encoding passes: otherwise unknown fields or another order of fields would make any number of
 * valid copies of one signed message, each of which a gossip network would take for a new one.
 */
function parse(bytes: Uint8Array): RecordEnvelope | undefined {
  try {
    const envelope = RecordEnvelope.createFromProtobuf(bytes)
    return equals(envelope.marshal(), bytes) ? envelope : undefined
  } catch {
    return undefined
  }
}

async function isSigned(envelope: RecordEnvelope, domain: string): Promise<boolean> {
  try {
    return await envelope.validate(domain)
  } catch {
    return false
  }
}

function refuse<Reason extends EnvelopeRefusal['refused']>(refused: Reason, detail: string): Refusal<Reason> {
  return { refused, detail }
}
