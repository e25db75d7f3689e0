import { writeUint64 } from '../varint.js'
import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface VoucherRequest {
  voucher: Uint8Array
  signature: Uint8Array
}

export namespace VoucherRequest {
  let _codec: Codec<VoucherRequest>

  export const codec = (): Codec<VoucherRequest> => {
    if (_codec == null) {
      _codec = message<VoucherRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.voucher != null && obj.voucher.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.voucher)
        }

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          voucher: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.voucher = reader.bytes()
              break
            }
            case 2: {
              obj.signature = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.voucher`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.signature`,
                value: reader.bytes()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface VoucherRequestVoucherFieldEvent {
    field: '$.voucher'
    value: Uint8Array
  }

  export interface VoucherRequestSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array
  }

  export function encode (obj: Partial<VoucherRequest>): Uint8Array {
    return encodeMessage(obj, VoucherRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<VoucherRequest>): VoucherRequest {
    return decodeMessage(buf, VoucherRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<VoucherRequest>): Generator<VoucherRequestVoucherFieldEvent | VoucherRequestSignatureFieldEvent> {
    return streamMessage(buf, VoucherRequest.codec(), opts)
  }
}

export interface VoucherResponse {
  refused: string
  detail: string
  amount: bigint
  sequence: bigint
  closing: string
}

export namespace VoucherResponse {
  let _codec: Codec<VoucherResponse>

  export const codec = (): Codec<VoucherResponse> => {
    if (_codec == null) {
      _codec = message<VoucherResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.refused != null && obj.refused !== '')) {
          w.uint32(10)
          w.string(obj.refused)
        }

        if ((obj.detail != null && obj.detail !== '')) {
          w.uint32(18)
          w.string(obj.detail)
        }

        if ((obj.amount != null && obj.amount !== 0n)) {
          w.uint32(24)
          writeUint64(w, obj.amount)
        }

        if ((obj.sequence != null && obj.sequence !== 0n)) {
          w.uint32(32)
          writeUint64(w, obj.sequence)
        }

        if ((obj.closing != null && obj.closing !== '')) {
          w.uint32(42)
          w.string(obj.closing)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          refused: '',
          detail: '',
          amount: 0n,
          sequence: 0n,
          closing: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.refused = reader.string()
              break
            }
            case 2: {
              obj.detail = reader.string()
              break
            }
            case 3: {
              obj.amount = reader.uint64()
              break
            }
            case 4: {
              obj.sequence = reader.uint64()
              break
            }
            case 5: {
              obj.closing = reader.string()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.refused`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.detail`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.amount`,
                value: reader.uint64()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.sequence`,
                value: reader.uint64()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.closing`,
                value: reader.string()
              }
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }
      })
    }

    return _codec
  }

  export interface VoucherResponseRefusedFieldEvent {
    field: '$.refused'
    value: string
  }

  export interface VoucherResponseDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export interface VoucherResponseAmountFieldEvent {
    field: '$.amount'
    value: bigint
  }

  export interface VoucherResponseSequenceFieldEvent {
    field: '$.sequence'
    value: bigint
  }

  export interface VoucherResponseClosingFieldEvent {
    field: '$.closing'
    value: string
  }

  export function encode (obj: Partial<VoucherResponse>): Uint8Array {
    return encodeMessage(obj, VoucherResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<VoucherResponse>): VoucherResponse {
    return decodeMessage(buf, VoucherResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<VoucherResponse>): Generator<VoucherResponseRefusedFieldEvent | VoucherResponseDetailFieldEvent | VoucherResponseAmountFieldEvent | VoucherResponseSequenceFieldEvent | VoucherResponseClosingFieldEvent> {
    return streamMessage(buf, VoucherResponse.codec(), opts)
  }
}
