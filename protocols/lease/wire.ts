import { writeUint64 } from '../varint.js'
import { decodeMessage, encodeMessage, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Terms {
  market: Uint8Array
  orderId: Uint8Array
  provider: string
  renter: string
  wallet: Uint8Array
  pricePerHour: bigint
  durationS: number
  sliceMs: number
  jobHash: Uint8Array
  devices: number
}

export namespace Terms {
  let _codec: Codec<Terms>

  export const codec = (): Codec<Terms> => {
    if (_codec == null) {
      _codec = message<Terms>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.orderId != null && obj.orderId.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.orderId)
        }

        if ((obj.provider != null && obj.provider !== '')) {
          w.uint32(26)
          w.string(obj.provider)
        }

        if ((obj.renter != null && obj.renter !== '')) {
          w.uint32(34)
          w.string(obj.renter)
        }

        if ((obj.wallet != null && obj.wallet.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.wallet)
        }

        if ((obj.pricePerHour != null && obj.pricePerHour !== 0n)) {
          w.uint32(48)
          writeUint64(w, obj.pricePerHour)
        }

        if ((obj.durationS != null && obj.durationS !== 0)) {
          w.uint32(56)
          w.uint32(obj.durationS)
        }

        if ((obj.sliceMs != null && obj.sliceMs !== 0)) {
          w.uint32(64)
          w.uint32(obj.sliceMs)
        }

        if ((obj.jobHash != null && obj.jobHash.byteLength > 0)) {
          w.uint32(74)
          w.bytes(obj.jobHash)
        }

        if ((obj.devices != null && obj.devices !== 0)) {
          w.uint32(80)
          w.uint32(obj.devices)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          orderId: uint8ArrayAlloc(0),
          provider: '',
          renter: '',
          wallet: uint8ArrayAlloc(0),
          pricePerHour: 0n,
          durationS: 0,
          sliceMs: 0,
          jobHash: uint8ArrayAlloc(0),
          devices: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.market = reader.bytes()
              break
            }
            case 2: {
              obj.orderId = reader.bytes()
              break
            }
            case 3: {
              obj.provider = reader.string()
              break
            }
            case 4: {
              obj.renter = reader.string()
              break
            }
            case 5: {
              obj.wallet = reader.bytes()
              break
            }
            case 6: {
              obj.pricePerHour = reader.uint64()
              break
            }
            case 7: {
              obj.durationS = reader.uint32()
              break
            }
            case 8: {
              obj.sliceMs = reader.uint32()
              break
            }
            case 9: {
              obj.jobHash = reader.bytes()
              break
            }
            case 10: {
              obj.devices = reader.uint32()
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
                field: `${prefix}.market`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.orderId`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.provider`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.renter`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.wallet`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.pricePerHour`,
                value: reader.uint64()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.durationS`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.sliceMs`,
                value: reader.uint32()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.jobHash`,
                value: reader.bytes()
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.devices`,
                value: reader.uint32()
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

  export interface TermsMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface TermsOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export interface TermsProviderFieldEvent {
    field: '$.provider'
    value: string
  }

  export interface TermsRenterFieldEvent {
    field: '$.renter'
    value: string
  }

  export interface TermsWalletFieldEvent {
    field: '$.wallet'
    value: Uint8Array
  }

  export interface TermsPricePerHourFieldEvent {
    field: '$.pricePerHour'
    value: bigint
  }

  export interface TermsDurationSFieldEvent {
    field: '$.durationS'
    value: number
  }

  export interface TermsSliceMsFieldEvent {
    field: '$.sliceMs'
    value: number
  }

  export interface TermsJobHashFieldEvent {
    field: '$.jobHash'
    value: Uint8Array
  }

  export interface TermsDevicesFieldEvent {
    field: '$.devices'
    value: number
  }

  export function encode (obj: Partial<Terms>): Uint8Array {
    return encodeMessage(obj, Terms.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Terms>): Terms {
    return decodeMessage(buf, Terms.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Terms>): Generator<TermsMarketFieldEvent | TermsOrderIdFieldEvent | TermsProviderFieldEvent | TermsRenterFieldEvent | TermsWalletFieldEvent | TermsPricePerHourFieldEvent | TermsDurationSFieldEvent | TermsSliceMsFieldEvent | TermsJobHashFieldEvent | TermsDevicesFieldEvent> {
    return streamMessage(buf, Terms.codec(), opts)
  }
}

export interface LeaseRequest {
  proposal?: Proposal
  opened?: Opened
}

export namespace LeaseRequest {
  let _codec: Codec<LeaseRequest>

  export const codec = (): Codec<LeaseRequest> => {
    if (_codec == null) {
      _codec = message<LeaseRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.opened != null) {
          obj.proposal = undefined
        }

        if (obj.proposal != null) {
          obj.opened = undefined
        }

        if (obj.proposal != null) {
          w.uint32(10)
          Proposal.codec().encode(obj.proposal, w)
        }

        if (obj.opened != null) {
          w.uint32(18)
          Opened.codec().encode(obj.opened, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {}

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.proposal = Proposal.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.proposal
              })
              break
            }
            case 2: {
              obj.opened = Opened.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.opened
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.opened != null) {
          delete obj.proposal
        }

        if (obj.proposal != null) {
          delete obj.opened
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Proposal.codec().stream(reader, reader.uint32(), `${prefix}.proposal`, {
                limits: opts.limits?.proposal
              })

              break
            }
            case 2: {
              yield * Opened.codec().stream(reader, reader.uint32(), `${prefix}.opened`, {
                limits: opts.limits?.opened
              })

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

  export interface LeaseRequestProposalOrderFieldEvent {
    field: '$.proposal.order'
    value: Uint8Array
  }

  export interface LeaseRequestProposalResultFieldEvent {
    field: '$.proposal.result'
    value: Uint8Array
  }

  export interface LeaseRequestProposalTermsMarketFieldEvent {
    field: '$.proposal.terms.market'
    value: Uint8Array
  }

  export interface LeaseRequestProposalTermsOrderIdFieldEvent {
    field: '$.proposal.terms.orderId'
    value: Uint8Array
  }

  export interface LeaseRequestProposalTermsProviderFieldEvent {
    field: '$.proposal.terms.provider'
    value: string
  }

  export interface LeaseRequestProposalTermsRenterFieldEvent {
    field: '$.proposal.terms.renter'
    value: string
  }

  export interface LeaseRequestProposalTermsWalletFieldEvent {
    field: '$.proposal.terms.wallet'
    value: Uint8Array
  }

  export interface LeaseRequestProposalTermsPricePerHourFieldEvent {
    field: '$.proposal.terms.pricePerHour'
    value: bigint
  }

  export interface LeaseRequestProposalTermsDurationSFieldEvent {
    field: '$.proposal.terms.durationS'
    value: number
  }

  export interface LeaseRequestProposalTermsSliceMsFieldEvent {
    field: '$.proposal.terms.sliceMs'
    value: number
  }

  export interface LeaseRequestProposalTermsJobHashFieldEvent {
    field: '$.proposal.terms.jobHash'
    value: Uint8Array
  }

  export interface LeaseRequestProposalTermsDevicesFieldEvent {
    field: '$.proposal.terms.devices'
    value: number
  }

  export interface LeaseRequestProposalTransactionFieldEvent {
    field: '$.proposal.transaction'
    value: Uint8Array
  }

  export interface LeaseRequestOpenedLeaseFieldEvent {
    field: '$.opened.lease'
    value: Uint8Array
  }

  export interface LeaseRequestOpenedSignatureFieldEvent {
    field: '$.opened.signature'
    value: string
  }

  export function encode (obj: Partial<LeaseRequest>): Uint8Array {
    return encodeMessage(obj, LeaseRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseRequest>): LeaseRequest {
    return decodeMessage(buf, LeaseRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseRequest>): Generator<LeaseRequestProposalOrderFieldEvent | LeaseRequestProposalResultFieldEvent | LeaseRequestProposalTermsMarketFieldEvent | LeaseRequestProposalTermsOrderIdFieldEvent | LeaseRequestProposalTermsProviderFieldEvent | LeaseRequestProposalTermsRenterFieldEvent | LeaseRequestProposalTermsWalletFieldEvent | LeaseRequestProposalTermsPricePerHourFieldEvent | LeaseRequestProposalTermsDurationSFieldEvent | LeaseRequestProposalTermsSliceMsFieldEvent | LeaseRequestProposalTermsJobHashFieldEvent | LeaseRequestProposalTermsDevicesFieldEvent | LeaseRequestProposalTransactionFieldEvent | LeaseRequestOpenedLeaseFieldEvent | LeaseRequestOpenedSignatureFieldEvent> {
    return streamMessage(buf, LeaseRequest.codec(), opts)
  }
}

export interface Proposal {
  order: Uint8Array
  result: Uint8Array
  terms?: Terms
  transaction: Uint8Array
}

export namespace Proposal {
  let _codec: Codec<Proposal>

  export const codec = (): Codec<Proposal> => {
    if (_codec == null) {
      _codec = message<Proposal>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.order != null && obj.order.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.order)
        }

        if ((obj.result != null && obj.result.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.result)
        }

        if (obj.terms != null) {
          w.uint32(26)
          Terms.codec().encode(obj.terms, w)
        }

        if ((obj.transaction != null && obj.transaction.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.transaction)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          order: uint8ArrayAlloc(0),
          result: uint8ArrayAlloc(0),
          transaction: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.order = reader.bytes()
              break
            }
            case 2: {
              obj.result = reader.bytes()
              break
            }
            case 3: {
              obj.terms = Terms.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.terms
              })
              break
            }
            case 4: {
              obj.transaction = reader.bytes()
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
                field: `${prefix}.order`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.result`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield * Terms.codec().stream(reader, reader.uint32(), `${prefix}.terms`, {
                limits: opts.limits?.terms
              })

              break
            }
            case 4: {
              yield {
                field: `${prefix}.transaction`,
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

  export interface ProposalOrderFieldEvent {
    field: '$.order'
    value: Uint8Array
  }

  export interface ProposalResultFieldEvent {
    field: '$.result'
    value: Uint8Array
  }

  export interface ProposalTermsMarketFieldEvent {
    field: '$.terms.market'
    value: Uint8Array
  }

  export interface ProposalTermsOrderIdFieldEvent {
    field: '$.terms.orderId'
    value: Uint8Array
  }

  export interface ProposalTermsProviderFieldEvent {
    field: '$.terms.provider'
    value: string
  }

  export interface ProposalTermsRenterFieldEvent {
    field: '$.terms.renter'
    value: string
  }

  export interface ProposalTermsWalletFieldEvent {
    field: '$.terms.wallet'
    value: Uint8Array
  }

  export interface ProposalTermsPricePerHourFieldEvent {
    field: '$.terms.pricePerHour'
    value: bigint
  }

  export interface ProposalTermsDurationSFieldEvent {
    field: '$.terms.durationS'
    value: number
  }

  export interface ProposalTermsSliceMsFieldEvent {
    field: '$.terms.sliceMs'
    value: number
  }

  export interface ProposalTermsJobHashFieldEvent {
    field: '$.terms.jobHash'
    value: Uint8Array
  }

  export interface ProposalTermsDevicesFieldEvent {
    field: '$.terms.devices'
    value: number
  }

  export interface ProposalTransactionFieldEvent {
    field: '$.transaction'
    value: Uint8Array
  }

  export function encode (obj: Partial<Proposal>): Uint8Array {
    return encodeMessage(obj, Proposal.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Proposal>): Proposal {
    return decodeMessage(buf, Proposal.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Proposal>): Generator<ProposalOrderFieldEvent | ProposalResultFieldEvent | ProposalTermsMarketFieldEvent | ProposalTermsOrderIdFieldEvent | ProposalTermsProviderFieldEvent | ProposalTermsRenterFieldEvent | ProposalTermsWalletFieldEvent | ProposalTermsPricePerHourFieldEvent | ProposalTermsDurationSFieldEvent | ProposalTermsSliceMsFieldEvent | ProposalTermsJobHashFieldEvent | ProposalTermsDevicesFieldEvent | ProposalTransactionFieldEvent> {
    return streamMessage(buf, Proposal.codec(), opts)
  }
}

export interface Opened {
  lease: Uint8Array
  signature: string
}

export namespace Opened {
  let _codec: Codec<Opened>

  export const codec = (): Codec<Opened> => {
    if (_codec == null) {
      _codec = message<Opened>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.lease != null && obj.lease.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.lease)
        }

        if ((obj.signature != null && obj.signature !== '')) {
          w.uint32(18)
          w.string(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          lease: uint8ArrayAlloc(0),
          signature: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.lease = reader.bytes()
              break
            }
            case 2: {
              obj.signature = reader.string()
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
                field: `${prefix}.lease`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.signature`,
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

  export interface OpenedLeaseFieldEvent {
    field: '$.lease'
    value: Uint8Array
  }

  export interface OpenedSignatureFieldEvent {
    field: '$.signature'
    value: string
  }

  export function encode (obj: Partial<Opened>): Uint8Array {
    return encodeMessage(obj, Opened.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opened>): Opened {
    return decodeMessage(buf, Opened.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opened>): Generator<OpenedLeaseFieldEvent | OpenedSignatureFieldEvent> {
    return streamMessage(buf, Opened.codec(), opts)
  }
}

export interface LeaseResponse {
  refused: string
  detail: string
  signature: Uint8Array
}

export namespace LeaseResponse {
  let _codec: Codec<LeaseResponse>

  export const codec = (): Codec<LeaseResponse> => {
    if (_codec == null) {
      _codec = message<LeaseResponse>((obj, w, opts = {}) => {
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

        if ((obj.signature != null && obj.signature.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.signature)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          refused: '',
          detail: '',
          signature: uint8ArrayAlloc(0)
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

  export interface LeaseResponseRefusedFieldEvent {
    field: '$.refused'
    value: string
  }

  export interface LeaseResponseDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export interface LeaseResponseSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array
  }

  export function encode (obj: Partial<LeaseResponse>): Uint8Array {
    return encodeMessage(obj, LeaseResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseResponse>): LeaseResponse {
    return decodeMessage(buf, LeaseResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LeaseResponse>): Generator<LeaseResponseRefusedFieldEvent | LeaseResponseDetailFieldEvent | LeaseResponseSignatureFieldEvent> {
    return streamMessage(buf, LeaseResponse.codec(), opts)
  }
}
