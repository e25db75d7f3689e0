import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface ProofParams {
  n: number
  rounds: number
}

export namespace ProofParams {
  let _codec: Codec<ProofParams>

  export const codec = (): Codec<ProofParams> => {
    if (_codec == null) {
      _codec = message<ProofParams>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.n != null && obj.n !== 0)) {
          w.uint32(8)
          w.uint32(obj.n)
        }

        if ((obj.rounds != null && obj.rounds !== 0)) {
          w.uint32(16)
          w.uint32(obj.rounds)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          n: 0,
          rounds: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.n = reader.uint32()
              break
            }
            case 2: {
              obj.rounds = reader.uint32()
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
                field: `${prefix}.n`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.rounds`,
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

  export interface ProofParamsNFieldEvent {
    field: '$.n'
    value: number
  }

  export interface ProofParamsRoundsFieldEvent {
    field: '$.rounds'
    value: number
  }

  export function encode (obj: Partial<ProofParams>): Uint8Array {
    return encodeMessage(obj, ProofParams.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ProofParams>): ProofParams {
    return decodeMessage(buf, ProofParams.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ProofParams>): Generator<ProofParamsNFieldEvent | ProofParamsRoundsFieldEvent> {
    return streamMessage(buf, ProofParams.codec(), opts)
  }
}

export interface Entry {
  round: number
  row: number
  column: number
}

export namespace Entry {
  let _codec: Codec<Entry>

  export const codec = (): Codec<Entry> => {
    if (_codec == null) {
      _codec = message<Entry>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.round != null && obj.round !== 0)) {
          w.uint32(8)
          w.uint32(obj.round)
        }

        if ((obj.row != null && obj.row !== 0)) {
          w.uint32(16)
          w.uint32(obj.row)
        }

        if ((obj.column != null && obj.column !== 0)) {
          w.uint32(24)
          w.uint32(obj.column)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          round: 0,
          row: 0,
          column: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.round = reader.uint32()
              break
            }
            case 2: {
              obj.row = reader.uint32()
              break
            }
            case 3: {
              obj.column = reader.uint32()
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
                field: `${prefix}.round`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.row`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.column`,
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

  export interface EntryRoundFieldEvent {
    field: '$.round'
    value: number
  }

  export interface EntryRowFieldEvent {
    field: '$.row'
    value: number
  }

  export interface EntryColumnFieldEvent {
    field: '$.column'
    value: number
  }

  export function encode (obj: Partial<Entry>): Uint8Array {
    return encodeMessage(obj, Entry.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Entry>): Entry {
    return decodeMessage(buf, Entry.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Entry>): Generator<EntryRoundFieldEvent | EntryRowFieldEvent | EntryColumnFieldEvent> {
    return streamMessage(buf, Entry.codec(), opts)
  }
}

export interface ChallengeRequest {
  ask?: Ask
  open?: Open
}

export namespace ChallengeRequest {
  let _codec: Codec<ChallengeRequest>

  export const codec = (): Codec<ChallengeRequest> => {
    if (_codec == null) {
      _codec = message<ChallengeRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.open != null) {
          obj.ask = undefined
        }

        if (obj.ask != null) {
          obj.open = undefined
        }

        if (obj.ask != null) {
          w.uint32(10)
          Ask.codec().encode(obj.ask, w)
        }

        if (obj.open != null) {
          w.uint32(18)
          Open.codec().encode(obj.open, w)
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
              obj.ask = Ask.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.ask
              })
              break
            }
            case 2: {
              obj.open = Open.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.open
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.open != null) {
          delete obj.ask
        }

        if (obj.ask != null) {
          delete obj.open
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Ask.codec().stream(reader, reader.uint32(), `${prefix}.ask`, {
                limits: opts.limits?.ask
              })

              break
            }
            case 2: {
              yield * Open.codec().stream(reader, reader.uint32(), `${prefix}.open`, {
                limits: opts.limits?.open
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

  export interface ChallengeRequestAskMarketFieldEvent {
    field: '$.ask.market'
    value: Uint8Array
  }

  export interface ChallengeRequestAskLeaseFieldEvent {
    field: '$.ask.lease'
    value: Uint8Array
  }

  export interface ChallengeRequestAskSeedFieldEvent {
    field: '$.ask.seed'
    value: Uint8Array
  }

  export interface ChallengeRequestAskParamsNFieldEvent {
    field: '$.ask.params.n'
    value: number
  }

  export interface ChallengeRequestAskParamsRoundsFieldEvent {
    field: '$.ask.params.rounds'
    value: number
  }

  export interface ChallengeRequestOpenEntriesRoundFieldEvent {
    field: '$.open.entries[].round'
    value: number
    index: number
  }

  export interface ChallengeRequestOpenEntriesRowFieldEvent {
    field: '$.open.entries[].row'
    value: number
    index: number
  }

  export interface ChallengeRequestOpenEntriesColumnFieldEvent {
    field: '$.open.entries[].column'
    value: number
    index: number
  }

  export function encode (obj: Partial<ChallengeRequest>): Uint8Array {
    return encodeMessage(obj, ChallengeRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeRequest>): ChallengeRequest {
    return decodeMessage(buf, ChallengeRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeRequest>): Generator<ChallengeRequestAskMarketFieldEvent | ChallengeRequestAskLeaseFieldEvent | ChallengeRequestAskSeedFieldEvent | ChallengeRequestAskParamsNFieldEvent | ChallengeRequestAskParamsRoundsFieldEvent | ChallengeRequestOpenEntriesRoundFieldEvent | ChallengeRequestOpenEntriesRowFieldEvent | ChallengeRequestOpenEntriesColumnFieldEvent> {
    return streamMessage(buf, ChallengeRequest.codec(), opts)
  }
}

export interface Ask {
  market: Uint8Array
  lease: Uint8Array
  seed: Uint8Array
  params?: ProofParams
}

export namespace Ask {
  let _codec: Codec<Ask>

  export const codec = (): Codec<Ask> => {
    if (_codec == null) {
      _codec = message<Ask>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.lease != null && obj.lease.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.lease)
        }

        if ((obj.seed != null && obj.seed.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.seed)
        }

        if (obj.params != null) {
          w.uint32(34)
          ProofParams.codec().encode(obj.params, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          lease: uint8ArrayAlloc(0),
          seed: uint8ArrayAlloc(0)
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
              obj.lease = reader.bytes()
              break
            }
            case 3: {
              obj.seed = reader.bytes()
              break
            }
            case 4: {
              obj.params = ProofParams.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.params
              })
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
                field: `${prefix}.lease`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.seed`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield * ProofParams.codec().stream(reader, reader.uint32(), `${prefix}.params`, {
                limits: opts.limits?.params
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

  export interface AskMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface AskLeaseFieldEvent {
    field: '$.lease'
    value: Uint8Array
  }

  export interface AskSeedFieldEvent {
    field: '$.seed'
    value: Uint8Array
  }

  export interface AskParamsNFieldEvent {
    field: '$.params.n'
    value: number
  }

  export interface AskParamsRoundsFieldEvent {
    field: '$.params.rounds'
    value: number
  }

  export function encode (obj: Partial<Ask>): Uint8Array {
    return encodeMessage(obj, Ask.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Ask {
    return decodeMessage(buf, Ask.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Generator<AskMarketFieldEvent | AskLeaseFieldEvent | AskSeedFieldEvent | AskParamsNFieldEvent | AskParamsRoundsFieldEvent> {
    return streamMessage(buf, Ask.codec(), opts)
  }
}

export interface Open {
  entries: Entry[]
}

export namespace Open {
  let _codec: Codec<Open>

  export const codec = (): Codec<Open> => {
    if (_codec == null) {
      _codec = message<Open>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.entries != null && obj.entries.length > 0) {
          for (const value of obj.entries) {
            w.uint32(10)
            Entry.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          entries: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.entries != null && obj.entries.length === opts.limits.entries) {
                throw new MaxLengthError('Decode error - repeated field "entries" had too many elements')
              }

              obj.entries.push(Entry.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.entries$
              }))
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
        const obj = {
          entries: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.entries != null && obj.entries === opts.limits.entries) {
                throw new MaxLengthError('Streaming decode error - repeated field "entries" had too many elements')
              }

              for (const evt of Entry.codec().stream(reader, reader.uint32(), `${prefix}.entries[]`, {
                limits: opts.limits?.entries$
              })) {
                yield {
                  ...evt,
                  index: obj.entries
                }
              }

              obj.entries++

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

  export interface OpenEntriesRoundFieldEvent {
    field: '$.entries[].round'
    value: number
    index: number
  }

  export interface OpenEntriesRowFieldEvent {
    field: '$.entries[].row'
    value: number
    index: number
  }

  export interface OpenEntriesColumnFieldEvent {
    field: '$.entries[].column'
    value: number
    index: number
  }

  export function encode (obj: Partial<Open>): Uint8Array {
    return encodeMessage(obj, Open.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Open>): Open {
    return decodeMessage(buf, Open.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Open>): Generator<OpenEntriesRoundFieldEvent | OpenEntriesRowFieldEvent | OpenEntriesColumnFieldEvent> {
    return streamMessage(buf, Open.codec(), opts)
  }
}

export interface ChallengeResponse {
  declined?: Declined
  receipt?: SignedReceipt
  openings?: Openings
}

export namespace ChallengeResponse {
  let _codec: Codec<ChallengeResponse>

  export const codec = (): Codec<ChallengeResponse> => {
    if (_codec == null) {
      _codec = message<ChallengeResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.openings != null) {
          obj.receipt = undefined
          obj.declined = undefined
        }

        if (obj.receipt != null) {
          obj.openings = undefined
          obj.declined = undefined
        }

        if (obj.declined != null) {
          obj.openings = undefined
          obj.receipt = undefined
        }

        if (obj.declined != null) {
          w.uint32(10)
          Declined.codec().encode(obj.declined, w)
        }

        if (obj.receipt != null) {
          w.uint32(18)
          SignedReceipt.codec().encode(obj.receipt, w)
        }

        if (obj.openings != null) {
          w.uint32(26)
          Openings.codec().encode(obj.openings, w)
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
              obj.declined = Declined.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.declined
              })
              break
            }
            case 2: {
              obj.receipt = SignedReceipt.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.receipt
              })
              break
            }
            case 3: {
              obj.openings = Openings.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.openings
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.openings != null) {
          delete obj.receipt
          delete obj.declined
        }

        if (obj.receipt != null) {
          delete obj.openings
          delete obj.declined
        }

        if (obj.declined != null) {
          delete obj.openings
          delete obj.receipt
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Declined.codec().stream(reader, reader.uint32(), `${prefix}.declined`, {
                limits: opts.limits?.declined
              })

              break
            }
            case 2: {
              yield * SignedReceipt.codec().stream(reader, reader.uint32(), `${prefix}.receipt`, {
                limits: opts.limits?.receipt
              })

              break
            }
            case 3: {
              yield * Openings.codec().stream(reader, reader.uint32(), `${prefix}.openings`, {
                limits: opts.limits?.openings
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

  export interface ChallengeResponseDeclinedReasonFieldEvent {
    field: '$.declined.reason'
    value: string
  }

  export interface ChallengeResponseDeclinedDetailFieldEvent {
    field: '$.declined.detail'
    value: string
  }

  export interface ChallengeResponseReceiptReceiptFieldEvent {
    field: '$.receipt.receipt'
    value: Uint8Array
  }

  export interface ChallengeResponseReceiptSignatureFieldEvent {
    field: '$.receipt.signature'
    value: Uint8Array
  }

  export interface ChallengeResponseOpeningsOpeningsRoundFieldEvent {
    field: '$.openings.openings[].round'
    value: number
    index: number
  }

  export interface ChallengeResponseOpeningsOpeningsRowFieldEvent {
    field: '$.openings.openings[].row'
    value: number
    index: number
  }

  export interface ChallengeResponseOpeningsOpeningsColumnFieldEvent {
    field: '$.openings.openings[].column'
    value: number
    index: number
  }

  export interface ChallengeResponseOpeningsOpeningsSegmentFieldEvent {
    field: '$.openings.openings[].segment'
    value: Uint8Array
    index: number
  }

  export interface ChallengeResponseOpeningsOpeningsPathFieldEvent {
    field: '$.openings.openings[].path[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<ChallengeResponse>): Uint8Array {
    return encodeMessage(obj, ChallengeResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeResponse>): ChallengeResponse {
    return decodeMessage(buf, ChallengeResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeResponse>): Generator<ChallengeResponseDeclinedReasonFieldEvent | ChallengeResponseDeclinedDetailFieldEvent | ChallengeResponseReceiptReceiptFieldEvent | ChallengeResponseReceiptSignatureFieldEvent | ChallengeResponseOpeningsOpeningsRoundFieldEvent | ChallengeResponseOpeningsOpeningsRowFieldEvent | ChallengeResponseOpeningsOpeningsColumnFieldEvent | ChallengeResponseOpeningsOpeningsSegmentFieldEvent | ChallengeResponseOpeningsOpeningsPathFieldEvent> {
    return streamMessage(buf, ChallengeResponse.codec(), opts)
  }
}

export interface Declined {
  reason: string
  detail: string
}

export namespace Declined {
  let _codec: Codec<Declined>

  export const codec = (): Codec<Declined> => {
    if (_codec == null) {
      _codec = message<Declined>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(10)
          w.string(obj.reason)
        }

        if ((obj.detail != null && obj.detail !== '')) {
          w.uint32(18)
          w.string(obj.detail)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          reason: '',
          detail: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.reason = reader.string()
              break
            }
            case 2: {
              obj.detail = reader.string()
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
                field: `${prefix}.reason`,
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

  export interface DeclinedReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface DeclinedDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<Declined>): Uint8Array {
    return encodeMessage(obj, Declined.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Declined>): Declined {
    return decodeMessage(buf, Declined.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Declined>): Generator<DeclinedReasonFieldEvent | DeclinedDetailFieldEvent> {
    return streamMessage(buf, Declined.codec(), opts)
  }
}

export interface SignedReceipt {
  receipt: Uint8Array
  signature: Uint8Array
}

export namespace SignedReceipt {
  let _codec: Codec<SignedReceipt>

  export const codec = (): Codec<SignedReceipt> => {
    if (_codec == null) {
      _codec = message<SignedReceipt>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.receipt != null && obj.receipt.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.receipt)
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
          receipt: uint8ArrayAlloc(0),
          signature: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.receipt = reader.bytes()
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
                field: `${prefix}.receipt`,
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

  export interface SignedReceiptReceiptFieldEvent {
    field: '$.receipt'
    value: Uint8Array
  }

  export interface SignedReceiptSignatureFieldEvent {
    field: '$.signature'
    value: Uint8Array
  }

  export function encode (obj: Partial<SignedReceipt>): Uint8Array {
    return encodeMessage(obj, SignedReceipt.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedReceipt>): SignedReceipt {
    return decodeMessage(buf, SignedReceipt.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<SignedReceipt>): Generator<SignedReceiptReceiptFieldEvent | SignedReceiptSignatureFieldEvent> {
    return streamMessage(buf, SignedReceipt.codec(), opts)
  }
}

export interface Openings {
  openings: Opening[]
}

export namespace Openings {
  let _codec: Codec<Openings>

  export const codec = (): Codec<Openings> => {
    if (_codec == null) {
      _codec = message<Openings>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.openings != null && obj.openings.length > 0) {
          for (const value of obj.openings) {
            w.uint32(10)
            Opening.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          openings: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.openings != null && obj.openings.length === opts.limits.openings) {
                throw new MaxLengthError('Decode error - repeated field "openings" had too many elements')
              }

              obj.openings.push(Opening.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.openings$
              }))
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
        const obj = {
          openings: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.openings != null && obj.openings === opts.limits.openings) {
                throw new MaxLengthError('Streaming decode error - repeated field "openings" had too many elements')
              }

              for (const evt of Opening.codec().stream(reader, reader.uint32(), `${prefix}.openings[]`, {
                limits: opts.limits?.openings$
              })) {
                yield {
                  ...evt,
                  index: obj.openings
                }
              }

              obj.openings++

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

  export interface OpeningsOpeningsRoundFieldEvent {
    field: '$.openings[].round'
    value: number
    index: number
  }

  export interface OpeningsOpeningsRowFieldEvent {
    field: '$.openings[].row'
    value: number
    index: number
  }

  export interface OpeningsOpeningsColumnFieldEvent {
    field: '$.openings[].column'
    value: number
    index: number
  }

  export interface OpeningsOpeningsSegmentFieldEvent {
    field: '$.openings[].segment'
    value: Uint8Array
    index: number
  }

  export interface OpeningsOpeningsPathFieldEvent {
    field: '$.openings[].path[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Openings>): Uint8Array {
    return encodeMessage(obj, Openings.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Openings>): Openings {
    return decodeMessage(buf, Openings.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Openings>): Generator<OpeningsOpeningsRoundFieldEvent | OpeningsOpeningsRowFieldEvent | OpeningsOpeningsColumnFieldEvent | OpeningsOpeningsSegmentFieldEvent | OpeningsOpeningsPathFieldEvent> {
    return streamMessage(buf, Openings.codec(), opts)
  }
}

export interface Opening {
  round: number
  row: number
  column: number
  segment: Uint8Array
  path: Uint8Array[]
}

export namespace Opening {
  let _codec: Codec<Opening>

  export const codec = (): Codec<Opening> => {
    if (_codec == null) {
      _codec = message<Opening>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.round != null && obj.round !== 0)) {
          w.uint32(8)
          w.uint32(obj.round)
        }

        if ((obj.row != null && obj.row !== 0)) {
          w.uint32(16)
          w.uint32(obj.row)
        }

        if ((obj.column != null && obj.column !== 0)) {
          w.uint32(24)
          w.uint32(obj.column)
        }

        if ((obj.segment != null && obj.segment.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.segment)
        }

        if (obj.path != null && obj.path.length > 0) {
          for (const value of obj.path) {
            w.uint32(42)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          round: 0,
          row: 0,
          column: 0,
          segment: uint8ArrayAlloc(0),
          path: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.round = reader.uint32()
              break
            }
            case 2: {
              obj.row = reader.uint32()
              break
            }
            case 3: {
              obj.column = reader.uint32()
              break
            }
            case 4: {
              obj.segment = reader.bytes()
              break
            }
            case 5: {
              if (opts.limits?.path != null && obj.path.length === opts.limits.path) {
                throw new MaxLengthError('Decode error - repeated field "path" had too many elements')
              }

              obj.path.push(reader.bytes())
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
        const obj = {
          path: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.round`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.row`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.column`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.segment`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              if (opts.limits?.path != null && obj.path === opts.limits.path) {
                throw new MaxLengthError('Streaming decode error - repeated field "path" had too many elements')
              }

              yield {
                field: `${prefix}.path[]`,
                index: obj.path,
                value: reader.bytes()
              }

              obj.path++

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

  export interface OpeningRoundFieldEvent {
    field: '$.round'
    value: number
  }

  export interface OpeningRowFieldEvent {
    field: '$.row'
    value: number
  }

  export interface OpeningColumnFieldEvent {
    field: '$.column'
    value: number
  }

  export interface OpeningSegmentFieldEvent {
    field: '$.segment'
    value: Uint8Array
  }

  export interface OpeningPathFieldEvent {
    field: '$.path[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<Opening>): Uint8Array {
    return encodeMessage(obj, Opening.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opening>): Opening {
    return decodeMessage(buf, Opening.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opening>): Generator<OpeningRoundFieldEvent | OpeningRowFieldEvent | OpeningColumnFieldEvent | OpeningSegmentFieldEvent | OpeningPathFieldEvent> {
    return streamMessage(buf, Opening.codec(), opts)
  }
}
