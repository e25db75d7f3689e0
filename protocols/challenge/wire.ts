/* eslint-disable require-yield */

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
  recall?: Recall
  openFolds?: Open
  attest?: Attest
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

        if (obj.attest != null) {
          obj.openFolds = undefined
          obj.recall = undefined
          obj.open = undefined
          obj.ask = undefined
        }

        if (obj.openFolds != null) {
          obj.attest = undefined
          obj.recall = undefined
          obj.open = undefined
          obj.ask = undefined
        }

        if (obj.recall != null) {
          obj.attest = undefined
          obj.openFolds = undefined
          obj.open = undefined
          obj.ask = undefined
        }

        if (obj.open != null) {
          obj.attest = undefined
          obj.openFolds = undefined
          obj.recall = undefined
          obj.ask = undefined
        }

        if (obj.ask != null) {
          obj.attest = undefined
          obj.openFolds = undefined
          obj.recall = undefined
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

        if (obj.recall != null) {
          w.uint32(26)
          Recall.codec().encode(obj.recall, w)
        }

        if (obj.openFolds != null) {
          w.uint32(34)
          Open.codec().encode(obj.openFolds, w)
        }

        if (obj.attest != null) {
          w.uint32(42)
          Attest.codec().encode(obj.attest, w)
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
            case 3: {
              obj.recall = Recall.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.recall
              })
              break
            }
            case 4: {
              obj.openFolds = Open.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.openFolds
              })
              break
            }
            case 5: {
              obj.attest = Attest.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.attest
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.attest != null) {
          delete obj.openFolds
          delete obj.recall
          delete obj.open
          delete obj.ask
        }

        if (obj.openFolds != null) {
          delete obj.attest
          delete obj.recall
          delete obj.open
          delete obj.ask
        }

        if (obj.recall != null) {
          delete obj.attest
          delete obj.openFolds
          delete obj.open
          delete obj.ask
        }

        if (obj.open != null) {
          delete obj.attest
          delete obj.openFolds
          delete obj.recall
          delete obj.ask
        }

        if (obj.ask != null) {
          delete obj.attest
          delete obj.openFolds
          delete obj.recall
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
            case 3: {
              yield * Recall.codec().stream(reader, reader.uint32(), `${prefix}.recall`, {
                limits: opts.limits?.recall
              })

              break
            }
            case 4: {
              yield * Open.codec().stream(reader, reader.uint32(), `${prefix}.openFolds`, {
                limits: opts.limits?.openFolds
              })

              break
            }
            case 5: {
              yield * Attest.codec().stream(reader, reader.uint32(), `${prefix}.attest`, {
                limits: opts.limits?.attest
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

  export interface ChallengeRequestAskResidentFieldEvent {
    field: '$.ask.resident'
    value: boolean
  }

  export interface ChallengeRequestAskDeviceFieldEvent {
    field: '$.ask.device'
    value: number
  }

  export interface ChallengeRequestAskKernelFieldEvent {
    field: '$.ask.kernel'
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

  export interface ChallengeRequestRecallNonceFieldEvent {
    field: '$.recall.nonce'
    value: Uint8Array
  }

  export interface ChallengeRequestOpenFoldsEntriesRoundFieldEvent {
    field: '$.openFolds.entries[].round'
    value: number
    index: number
  }

  export interface ChallengeRequestOpenFoldsEntriesRowFieldEvent {
    field: '$.openFolds.entries[].row'
    value: number
    index: number
  }

  export interface ChallengeRequestOpenFoldsEntriesColumnFieldEvent {
    field: '$.openFolds.entries[].column'
    value: number
    index: number
  }

  export interface ChallengeRequestAttestAttestationFieldEvent {
    field: '$.attest.attestation'
    value: Uint8Array
  }

  export function encode (obj: Partial<ChallengeRequest>): Uint8Array {
    return encodeMessage(obj, ChallengeRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeRequest>): ChallengeRequest {
    return decodeMessage(buf, ChallengeRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeRequest>): Generator<ChallengeRequestAskMarketFieldEvent | ChallengeRequestAskLeaseFieldEvent | ChallengeRequestAskSeedFieldEvent | ChallengeRequestAskParamsNFieldEvent | ChallengeRequestAskParamsRoundsFieldEvent | ChallengeRequestAskResidentFieldEvent | ChallengeRequestAskDeviceFieldEvent | ChallengeRequestAskKernelFieldEvent | ChallengeRequestOpenEntriesRoundFieldEvent | ChallengeRequestOpenEntriesRowFieldEvent | ChallengeRequestOpenEntriesColumnFieldEvent | ChallengeRequestRecallNonceFieldEvent | ChallengeRequestOpenFoldsEntriesRoundFieldEvent | ChallengeRequestOpenFoldsEntriesRowFieldEvent | ChallengeRequestOpenFoldsEntriesColumnFieldEvent | ChallengeRequestAttestAttestationFieldEvent> {
    return streamMessage(buf, ChallengeRequest.codec(), opts)
  }
}

export interface Ask {
  market: Uint8Array
  lease: Uint8Array
  seed: Uint8Array
  params?: ProofParams
  resident: boolean
  device?: number
  kernel?: number
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

        if ((obj.resident != null && obj.resident !== false)) {
          w.uint32(40)
          w.bool(obj.resident)
        }

        if (obj.device != null) {
          w.uint32(48)
          w.uint32(obj.device)
        }

        if (obj.kernel != null) {
          w.uint32(56)
          w.uint32(obj.kernel)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          lease: uint8ArrayAlloc(0),
          seed: uint8ArrayAlloc(0),
          resident: false
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
            case 5: {
              obj.resident = reader.bool()
              break
            }
            case 6: {
              obj.device = reader.uint32()
              break
            }
            case 7: {
              obj.kernel = reader.uint32()
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
            case 5: {
              yield {
                field: `${prefix}.resident`,
                value: reader.bool()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.device`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.kernel`,
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

  export interface AskResidentFieldEvent {
    field: '$.resident'
    value: boolean
  }

  export interface AskDeviceFieldEvent {
    field: '$.device'
    value: number
  }

  export interface AskKernelFieldEvent {
    field: '$.kernel'
    value: number
  }

  export function encode (obj: Partial<Ask>): Uint8Array {
    return encodeMessage(obj, Ask.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Ask {
    return decodeMessage(buf, Ask.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Ask>): Generator<AskMarketFieldEvent | AskLeaseFieldEvent | AskSeedFieldEvent | AskParamsNFieldEvent | AskParamsRoundsFieldEvent | AskResidentFieldEvent | AskDeviceFieldEvent | AskKernelFieldEvent> {
    return streamMessage(buf, Ask.codec(), opts)
  }
}

export interface Recall {
  nonce: Uint8Array
}

export namespace Recall {
  let _codec: Codec<Recall>

  export const codec = (): Codec<Recall> => {
    if (_codec == null) {
      _codec = message<Recall>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.nonce != null && obj.nonce.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.nonce)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          nonce: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.nonce = reader.bytes()
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
                field: `${prefix}.nonce`,
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

  export interface RecallNonceFieldEvent {
    field: '$.nonce'
    value: Uint8Array
  }

  export function encode (obj: Partial<Recall>): Uint8Array {
    return encodeMessage(obj, Recall.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Recall>): Recall {
    return decodeMessage(buf, Recall.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Recall>): Generator<RecallNonceFieldEvent> {
    return streamMessage(buf, Recall.codec(), opts)
  }
}

export interface Attest {
  attestation: Uint8Array
}

export namespace Attest {
  let _codec: Codec<Attest>

  export const codec = (): Codec<Attest> => {
    if (_codec == null) {
      _codec = message<Attest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.attestation != null && obj.attestation.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.attestation)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          attestation: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.attestation = reader.bytes()
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
                field: `${prefix}.attestation`,
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

  export interface AttestAttestationFieldEvent {
    field: '$.attestation'
    value: Uint8Array
  }

  export function encode (obj: Partial<Attest>): Uint8Array {
    return encodeMessage(obj, Attest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attest>): Attest {
    return decodeMessage(buf, Attest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attest>): Generator<AttestAttestationFieldEvent> {
    return streamMessage(buf, Attest.codec(), opts)
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
  recalled?: SignedReceipt
  attested?: Attested
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

        if (obj.attested != null) {
          obj.recalled = undefined
          obj.openings = undefined
          obj.receipt = undefined
          obj.declined = undefined
        }

        if (obj.recalled != null) {
          obj.attested = undefined
          obj.openings = undefined
          obj.receipt = undefined
          obj.declined = undefined
        }

        if (obj.openings != null) {
          obj.attested = undefined
          obj.recalled = undefined
          obj.receipt = undefined
          obj.declined = undefined
        }

        if (obj.receipt != null) {
          obj.attested = undefined
          obj.recalled = undefined
          obj.openings = undefined
          obj.declined = undefined
        }

        if (obj.declined != null) {
          obj.attested = undefined
          obj.recalled = undefined
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

        if (obj.recalled != null) {
          w.uint32(34)
          SignedReceipt.codec().encode(obj.recalled, w)
        }

        if (obj.attested != null) {
          w.uint32(42)
          Attested.codec().encode(obj.attested, w)
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
            case 4: {
              obj.recalled = SignedReceipt.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.recalled
              })
              break
            }
            case 5: {
              obj.attested = Attested.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.attested
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.attested != null) {
          delete obj.recalled
          delete obj.openings
          delete obj.receipt
          delete obj.declined
        }

        if (obj.recalled != null) {
          delete obj.attested
          delete obj.openings
          delete obj.receipt
          delete obj.declined
        }

        if (obj.openings != null) {
          delete obj.attested
          delete obj.recalled
          delete obj.receipt
          delete obj.declined
        }

        if (obj.receipt != null) {
          delete obj.attested
          delete obj.recalled
          delete obj.openings
          delete obj.declined
        }

        if (obj.declined != null) {
          delete obj.attested
          delete obj.recalled
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
            case 4: {
              yield * SignedReceipt.codec().stream(reader, reader.uint32(), `${prefix}.recalled`, {
                limits: opts.limits?.recalled
              })

              break
            }
            case 5: {
              yield * Attested.codec().stream(reader, reader.uint32(), `${prefix}.attested`, {
                limits: opts.limits?.attested
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

  export interface ChallengeResponseRecalledReceiptFieldEvent {
    field: '$.recalled.receipt'
    value: Uint8Array
  }

  export interface ChallengeResponseRecalledSignatureFieldEvent {
    field: '$.recalled.signature'
    value: Uint8Array
  }

  export function encode (obj: Partial<ChallengeResponse>): Uint8Array {
    return encodeMessage(obj, ChallengeResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeResponse>): ChallengeResponse {
    return decodeMessage(buf, ChallengeResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ChallengeResponse>): Generator<ChallengeResponseDeclinedReasonFieldEvent | ChallengeResponseDeclinedDetailFieldEvent | ChallengeResponseReceiptReceiptFieldEvent | ChallengeResponseReceiptSignatureFieldEvent | ChallengeResponseOpeningsOpeningsRoundFieldEvent | ChallengeResponseOpeningsOpeningsRowFieldEvent | ChallengeResponseOpeningsOpeningsColumnFieldEvent | ChallengeResponseOpeningsOpeningsSegmentFieldEvent | ChallengeResponseOpeningsOpeningsPathFieldEvent | ChallengeResponseRecalledReceiptFieldEvent | ChallengeResponseRecalledSignatureFieldEvent> {
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

export interface Attested {}

export namespace Attested {
  let _codec: Codec<Attested>

  export const codec = (): Codec<Attested> => {
    if (_codec == null) {
      _codec = message<Attested>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
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

  export function encode (obj: Partial<Attested>): Uint8Array {
    return encodeMessage(obj, Attested.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attested>): Attested {
    return decodeMessage(buf, Attested.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attested>): Generator<{}> {
    return streamMessage(buf, Attested.codec(), opts)
  }
}

export interface Attestation {
  market: Uint8Array
  provider: Uint8Array
  timeMs: number
  model: string
  backend: string
  gpu: boolean
  params?: ProofParams
  provingMs: number
  recallMs: number
  verdict: string
  memoryVerdict: string
  ratio: number
  receiptHash: Uint8Array
  failure?: string
  devices?: number
}

export namespace Attestation {
  let _codec: Codec<Attestation>

  export const codec = (): Codec<Attestation> => {
    if (_codec == null) {
      _codec = message<Attestation>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.provider != null && obj.provider.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.provider)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.model != null && obj.model !== '')) {
          w.uint32(34)
          w.string(obj.model)
        }

        if ((obj.backend != null && obj.backend !== '')) {
          w.uint32(42)
          w.string(obj.backend)
        }

        if ((obj.gpu != null && obj.gpu !== false)) {
          w.uint32(48)
          w.bool(obj.gpu)
        }

        if (obj.params != null) {
          w.uint32(58)
          ProofParams.codec().encode(obj.params, w)
        }

        if ((obj.provingMs != null && obj.provingMs !== 0)) {
          w.uint32(64)
          w.uint32(obj.provingMs)
        }

        if ((obj.recallMs != null && obj.recallMs !== 0)) {
          w.uint32(72)
          w.uint32(obj.recallMs)
        }

        if ((obj.verdict != null && obj.verdict !== '')) {
          w.uint32(82)
          w.string(obj.verdict)
        }

        if ((obj.memoryVerdict != null && obj.memoryVerdict !== '')) {
          w.uint32(90)
          w.string(obj.memoryVerdict)
        }

        if ((obj.ratio != null && obj.ratio !== 0)) {
          w.uint32(97)
          w.double(obj.ratio)
        }

        if ((obj.receiptHash != null && obj.receiptHash.byteLength > 0)) {
          w.uint32(106)
          w.bytes(obj.receiptHash)
        }

        if (obj.failure != null) {
          w.uint32(114)
          w.string(obj.failure)
        }

        if (obj.devices != null) {
          w.uint32(120)
          w.uint32(obj.devices)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          provider: uint8ArrayAlloc(0),
          timeMs: 0,
          model: '',
          backend: '',
          gpu: false,
          provingMs: 0,
          recallMs: 0,
          verdict: '',
          memoryVerdict: '',
          ratio: 0,
          receiptHash: uint8ArrayAlloc(0)
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
              obj.provider = reader.bytes()
              break
            }
            case 3: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.model = reader.string()
              break
            }
            case 5: {
              obj.backend = reader.string()
              break
            }
            case 6: {
              obj.gpu = reader.bool()
              break
            }
            case 7: {
              obj.params = ProofParams.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.params
              })
              break
            }
            case 8: {
              obj.provingMs = reader.uint32()
              break
            }
            case 9: {
              obj.recallMs = reader.uint32()
              break
            }
            case 10: {
              obj.verdict = reader.string()
              break
            }
            case 11: {
              obj.memoryVerdict = reader.string()
              break
            }
            case 12: {
              obj.ratio = reader.double()
              break
            }
            case 13: {
              obj.receiptHash = reader.bytes()
              break
            }
            case 14: {
              obj.failure = reader.string()
              break
            }
            case 15: {
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
                field: `${prefix}.provider`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.model`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.backend`,
                value: reader.string()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.gpu`,
                value: reader.bool()
              }
              break
            }
            case 7: {
              yield * ProofParams.codec().stream(reader, reader.uint32(), `${prefix}.params`, {
                limits: opts.limits?.params
              })

              break
            }
            case 8: {
              yield {
                field: `${prefix}.provingMs`,
                value: reader.uint32()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.recallMs`,
                value: reader.uint32()
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.verdict`,
                value: reader.string()
              }
              break
            }
            case 11: {
              yield {
                field: `${prefix}.memoryVerdict`,
                value: reader.string()
              }
              break
            }
            case 12: {
              yield {
                field: `${prefix}.ratio`,
                value: reader.double()
              }
              break
            }
            case 13: {
              yield {
                field: `${prefix}.receiptHash`,
                value: reader.bytes()
              }
              break
            }
            case 14: {
              yield {
                field: `${prefix}.failure`,
                value: reader.string()
              }
              break
            }
            case 15: {
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

  export interface AttestationMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface AttestationProviderFieldEvent {
    field: '$.provider'
    value: Uint8Array
  }

  export interface AttestationTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface AttestationModelFieldEvent {
    field: '$.model'
    value: string
  }

  export interface AttestationBackendFieldEvent {
    field: '$.backend'
    value: string
  }

  export interface AttestationGpuFieldEvent {
    field: '$.gpu'
    value: boolean
  }

  export interface AttestationParamsNFieldEvent {
    field: '$.params.n'
    value: number
  }

  export interface AttestationParamsRoundsFieldEvent {
    field: '$.params.rounds'
    value: number
  }

  export interface AttestationProvingMsFieldEvent {
    field: '$.provingMs'
    value: number
  }

  export interface AttestationRecallMsFieldEvent {
    field: '$.recallMs'
    value: number
  }

  export interface AttestationVerdictFieldEvent {
    field: '$.verdict'
    value: string
  }

  export interface AttestationMemoryVerdictFieldEvent {
    field: '$.memoryVerdict'
    value: string
  }

  export interface AttestationRatioFieldEvent {
    field: '$.ratio'
    value: number
  }

  export interface AttestationReceiptHashFieldEvent {
    field: '$.receiptHash'
    value: Uint8Array
  }

  export interface AttestationFailureFieldEvent {
    field: '$.failure'
    value: string
  }

  export interface AttestationDevicesFieldEvent {
    field: '$.devices'
    value: number
  }

  export function encode (obj: Partial<Attestation>): Uint8Array {
    return encodeMessage(obj, Attestation.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attestation>): Attestation {
    return decodeMessage(buf, Attestation.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Attestation>): Generator<AttestationMarketFieldEvent | AttestationProviderFieldEvent | AttestationTimeMsFieldEvent | AttestationModelFieldEvent | AttestationBackendFieldEvent | AttestationGpuFieldEvent | AttestationParamsNFieldEvent | AttestationParamsRoundsFieldEvent | AttestationProvingMsFieldEvent | AttestationRecallMsFieldEvent | AttestationVerdictFieldEvent | AttestationMemoryVerdictFieldEvent | AttestationRatioFieldEvent | AttestationReceiptHashFieldEvent | AttestationFailureFieldEvent | AttestationDevicesFieldEvent> {
    return streamMessage(buf, Attestation.codec(), opts)
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
