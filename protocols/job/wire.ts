/* eslint-disable require-yield */

import { decodeMessage, encodeMessage, enumeration, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Blob {
  name: string
  sha256: Uint8Array
  bytes: number
  shared?: boolean
  keep?: boolean
}

export namespace Blob {
  let _codec: Codec<Blob>

  export const codec = (): Codec<Blob> => {
    if (_codec == null) {
      _codec = message<Blob>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.sha256 != null && obj.sha256.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.sha256)
        }

        if ((obj.bytes != null && obj.bytes !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.bytes)
        }

        if (obj.shared != null) {
          w.uint32(32)
          w.bool(obj.shared)
        }

        if (obj.keep != null) {
          w.uint32(40)
          w.bool(obj.keep)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          sha256: uint8ArrayAlloc(0),
          bytes: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.sha256 = reader.bytes()
              break
            }
            case 3: {
              obj.bytes = reader.uint64Number()
              break
            }
            case 4: {
              obj.shared = reader.bool()
              break
            }
            case 5: {
              obj.keep = reader.bool()
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.sha256`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.bytes`,
                value: reader.uint64Number()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.shared`,
                value: reader.bool()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.keep`,
                value: reader.bool()
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

  export interface BlobNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface BlobSha256FieldEvent {
    field: '$.sha256'
    value: Uint8Array
  }

  export interface BlobBytesFieldEvent {
    field: '$.bytes'
    value: number
  }

  export interface BlobSharedFieldEvent {
    field: '$.shared'
    value: boolean
  }

  export interface BlobKeepFieldEvent {
    field: '$.keep'
    value: boolean
  }

  export function encode (obj: Partial<Blob>): Uint8Array {
    return encodeMessage(obj, Blob.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Blob>): Blob {
    return decodeMessage(buf, Blob.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Blob>): Generator<BlobNameFieldEvent | BlobSha256FieldEvent | BlobBytesFieldEvent | BlobSharedFieldEvent | BlobKeepFieldEvent> {
    return streamMessage(buf, Blob.codec(), opts)
  }
}

export interface JobRequest {
  start?: Start
  stop?: Stop
  accepted?: Accepted
}

export namespace JobRequest {
  let _codec: Codec<JobRequest>

  export const codec = (): Codec<JobRequest> => {
    if (_codec == null) {
      _codec = message<JobRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.accepted != null) {
          obj.stop = undefined
          obj.start = undefined
        }

        if (obj.stop != null) {
          obj.accepted = undefined
          obj.start = undefined
        }

        if (obj.start != null) {
          obj.accepted = undefined
          obj.stop = undefined
        }

        if (obj.start != null) {
          w.uint32(10)
          Start.codec().encode(obj.start, w)
        }

        if (obj.stop != null) {
          w.uint32(26)
          Stop.codec().encode(obj.stop, w)
        }

        if (obj.accepted != null) {
          w.uint32(34)
          Accepted.codec().encode(obj.accepted, w)
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
              obj.start = Start.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.start
              })
              break
            }
            case 3: {
              obj.stop = Stop.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.stop
              })
              break
            }
            case 4: {
              obj.accepted = Accepted.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.accepted
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.accepted != null) {
          delete obj.stop
          delete obj.start
        }

        if (obj.stop != null) {
          delete obj.accepted
          delete obj.start
        }

        if (obj.start != null) {
          delete obj.accepted
          delete obj.stop
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Start.codec().stream(reader, reader.uint32(), `${prefix}.start`, {
                limits: opts.limits?.start
              })

              break
            }
            case 3: {
              yield * Stop.codec().stream(reader, reader.uint32(), `${prefix}.stop`, {
                limits: opts.limits?.stop
              })

              break
            }
            case 4: {
              yield * Accepted.codec().stream(reader, reader.uint32(), `${prefix}.accepted`, {
                limits: opts.limits?.accepted
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

  export interface JobRequestStartLeaseFieldEvent {
    field: '$.start.lease'
    value: Uint8Array
  }

  export interface JobRequestStartSpecFieldEvent {
    field: '$.start.spec'
    value: Uint8Array
  }

  export interface JobRequestStartInputsNameFieldEvent {
    field: '$.start.inputs[].name'
    value: string
    index: number
  }

  export interface JobRequestStartInputsSha256FieldEvent {
    field: '$.start.inputs[].sha256'
    value: Uint8Array
    index: number
  }

  export interface JobRequestStartInputsBytesFieldEvent {
    field: '$.start.inputs[].bytes'
    value: number
    index: number
  }

  export interface JobRequestStartInputsSharedFieldEvent {
    field: '$.start.inputs[].shared'
    value: boolean
    index: number
  }

  export interface JobRequestStartInputsKeepFieldEvent {
    field: '$.start.inputs[].keep'
    value: boolean
    index: number
  }

  export interface JobRequestStartFromEventFieldEvent {
    field: '$.start.fromEvent'
    value: number
  }

  export interface JobRequestStartCheckpointNameFieldEvent {
    field: '$.start.checkpoint.name'
    value: string
  }

  export interface JobRequestStartCheckpointSha256FieldEvent {
    field: '$.start.checkpoint.sha256'
    value: Uint8Array
  }

  export interface JobRequestStartCheckpointBytesFieldEvent {
    field: '$.start.checkpoint.bytes'
    value: number
  }

  export interface JobRequestStartCheckpointSharedFieldEvent {
    field: '$.start.checkpoint.shared'
    value: boolean
  }

  export interface JobRequestStartCheckpointKeepFieldEvent {
    field: '$.start.checkpoint.keep'
    value: boolean
  }

  export interface JobRequestStartKeyFieldEvent {
    field: '$.start.key'
    value: Uint8Array
  }

  export interface JobRequestStopReasonFieldEvent {
    field: '$.stop.reason'
    value: string
  }

  export function encode (obj: Partial<JobRequest>): Uint8Array {
    return encodeMessage(obj, JobRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobRequest>): JobRequest {
    return decodeMessage(buf, JobRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobRequest>): Generator<JobRequestStartLeaseFieldEvent | JobRequestStartSpecFieldEvent | JobRequestStartInputsNameFieldEvent | JobRequestStartInputsSha256FieldEvent | JobRequestStartInputsBytesFieldEvent | JobRequestStartInputsSharedFieldEvent | JobRequestStartInputsKeepFieldEvent | JobRequestStartFromEventFieldEvent | JobRequestStartCheckpointNameFieldEvent | JobRequestStartCheckpointSha256FieldEvent | JobRequestStartCheckpointBytesFieldEvent | JobRequestStartCheckpointSharedFieldEvent | JobRequestStartCheckpointKeepFieldEvent | JobRequestStartKeyFieldEvent | JobRequestStopReasonFieldEvent> {
    return streamMessage(buf, JobRequest.codec(), opts)
  }
}

export interface Start {
  lease: Uint8Array
  spec: Uint8Array
  inputs: Blob[]
  fromEvent: number
  checkpoint?: Blob
  key: Uint8Array
}

export namespace Start {
  let _codec: Codec<Start>

  export const codec = (): Codec<Start> => {
    if (_codec == null) {
      _codec = message<Start>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.lease != null && obj.lease.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.lease)
        }

        if ((obj.spec != null && obj.spec.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.spec)
        }

        if (obj.inputs != null && obj.inputs.length > 0) {
          for (const value of obj.inputs) {
            w.uint32(26)
            Blob.codec().encode(value, w)
          }
        }

        if ((obj.fromEvent != null && obj.fromEvent !== 0)) {
          w.uint32(32)
          w.uint32(obj.fromEvent)
        }

        if (obj.checkpoint != null) {
          w.uint32(42)
          Blob.codec().encode(obj.checkpoint, w)
        }

        if ((obj.key != null && obj.key.byteLength > 0)) {
          w.uint32(242)
          w.bytes(obj.key)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          lease: uint8ArrayAlloc(0),
          spec: uint8ArrayAlloc(0),
          inputs: [],
          fromEvent: 0,
          key: uint8ArrayAlloc(0)
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
              obj.spec = reader.bytes()
              break
            }
            case 3: {
              if (opts.limits?.inputs != null && obj.inputs.length === opts.limits.inputs) {
                throw new MaxLengthError('Decode error - repeated field "inputs" had too many elements')
              }

              obj.inputs.push(Blob.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.inputs$
              }))
              break
            }
            case 4: {
              obj.fromEvent = reader.uint32()
              break
            }
            case 5: {
              obj.checkpoint = Blob.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.checkpoint
              })
              break
            }
            case 30: {
              obj.key = reader.bytes()
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
          inputs: 0
        }

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
                field: `${prefix}.spec`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              if (opts.limits?.inputs != null && obj.inputs === opts.limits.inputs) {
                throw new MaxLengthError('Streaming decode error - repeated field "inputs" had too many elements')
              }

              for (const evt of Blob.codec().stream(reader, reader.uint32(), `${prefix}.inputs[]`, {
                limits: opts.limits?.inputs$
              })) {
                yield {
                  ...evt,
                  index: obj.inputs
                }
              }

              obj.inputs++

              break
            }
            case 4: {
              yield {
                field: `${prefix}.fromEvent`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield * Blob.codec().stream(reader, reader.uint32(), `${prefix}.checkpoint`, {
                limits: opts.limits?.checkpoint
              })

              break
            }
            case 30: {
              yield {
                field: `${prefix}.key`,
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

  export interface StartLeaseFieldEvent {
    field: '$.lease'
    value: Uint8Array
  }

  export interface StartSpecFieldEvent {
    field: '$.spec'
    value: Uint8Array
  }

  export interface StartInputsNameFieldEvent {
    field: '$.inputs[].name'
    value: string
    index: number
  }

  export interface StartInputsSha256FieldEvent {
    field: '$.inputs[].sha256'
    value: Uint8Array
    index: number
  }

  export interface StartInputsBytesFieldEvent {
    field: '$.inputs[].bytes'
    value: number
    index: number
  }

  export interface StartInputsSharedFieldEvent {
    field: '$.inputs[].shared'
    value: boolean
    index: number
  }

  export interface StartInputsKeepFieldEvent {
    field: '$.inputs[].keep'
    value: boolean
    index: number
  }

  export interface StartFromEventFieldEvent {
    field: '$.fromEvent'
    value: number
  }

  export interface StartCheckpointNameFieldEvent {
    field: '$.checkpoint.name'
    value: string
  }

  export interface StartCheckpointSha256FieldEvent {
    field: '$.checkpoint.sha256'
    value: Uint8Array
  }

  export interface StartCheckpointBytesFieldEvent {
    field: '$.checkpoint.bytes'
    value: number
  }

  export interface StartCheckpointSharedFieldEvent {
    field: '$.checkpoint.shared'
    value: boolean
  }

  export interface StartCheckpointKeepFieldEvent {
    field: '$.checkpoint.keep'
    value: boolean
  }

  export interface StartKeyFieldEvent {
    field: '$.key'
    value: Uint8Array
  }

  export function encode (obj: Partial<Start>): Uint8Array {
    return encodeMessage(obj, Start.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Start>): Start {
    return decodeMessage(buf, Start.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Start>): Generator<StartLeaseFieldEvent | StartSpecFieldEvent | StartInputsNameFieldEvent | StartInputsSha256FieldEvent | StartInputsBytesFieldEvent | StartInputsSharedFieldEvent | StartInputsKeepFieldEvent | StartFromEventFieldEvent | StartCheckpointNameFieldEvent | StartCheckpointSha256FieldEvent | StartCheckpointBytesFieldEvent | StartCheckpointSharedFieldEvent | StartCheckpointKeepFieldEvent | StartKeyFieldEvent> {
    return streamMessage(buf, Start.codec(), opts)
  }
}

export interface Stop {
  reason: string
}

export namespace Stop {
  let _codec: Codec<Stop>

  export const codec = (): Codec<Stop> => {
    if (_codec == null) {
      _codec = message<Stop>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(10)
          w.string(obj.reason)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          reason: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.reason = reader.string()
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

  export interface StopReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export function encode (obj: Partial<Stop>): Uint8Array {
    return encodeMessage(obj, Stop.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Stop>): Stop {
    return decodeMessage(buf, Stop.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Stop>): Generator<StopReasonFieldEvent> {
    return streamMessage(buf, Stop.codec(), opts)
  }
}

export interface Accepted {}

export namespace Accepted {
  let _codec: Codec<Accepted>

  export const codec = (): Codec<Accepted> => {
    if (_codec == null) {
      _codec = message<Accepted>((obj, w, opts = {}) => {
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

  export function encode (obj: Partial<Accepted>): Uint8Array {
    return encodeMessage(obj, Accepted.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Accepted>): Accepted {
    return decodeMessage(buf, Accepted.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Accepted>): Generator<{}> {
    return streamMessage(buf, Accepted.codec(), opts)
  }
}

export interface JobEvent {
  index: number
  workedMs: number
  refused?: Refused
  state?: State
  log?: Log
  progress?: Progress
  output?: Output
  checkpoint?: Checkpoint
  service?: Service
  leaving?: Leaving
}

export namespace JobEvent {
  let _codec: Codec<JobEvent>

  export const codec = (): Codec<JobEvent> => {
    if (_codec == null) {
      _codec = message<JobEvent>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.leaving != null) {
          obj.service = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.service != null) {
          obj.leaving = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.checkpoint != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.output != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.checkpoint = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.progress != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.log = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.log != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.state = undefined
          obj.refused = undefined
        }

        if (obj.state != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.refused = undefined
        }

        if (obj.refused != null) {
          obj.leaving = undefined
          obj.service = undefined
          obj.checkpoint = undefined
          obj.output = undefined
          obj.progress = undefined
          obj.log = undefined
          obj.state = undefined
        }

        if ((obj.index != null && obj.index !== 0)) {
          w.uint32(8)
          w.uint32(obj.index)
        }

        if ((obj.workedMs != null && obj.workedMs !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.workedMs)
        }

        if (obj.refused != null) {
          w.uint32(26)
          Refused.codec().encode(obj.refused, w)
        }

        if (obj.state != null) {
          w.uint32(42)
          State.codec().encode(obj.state, w)
        }

        if (obj.log != null) {
          w.uint32(50)
          Log.codec().encode(obj.log, w)
        }

        if (obj.progress != null) {
          w.uint32(58)
          Progress.codec().encode(obj.progress, w)
        }

        if (obj.output != null) {
          w.uint32(66)
          Output.codec().encode(obj.output, w)
        }

        if (obj.checkpoint != null) {
          w.uint32(82)
          Checkpoint.codec().encode(obj.checkpoint, w)
        }

        if (obj.service != null) {
          w.uint32(202)
          Service.codec().encode(obj.service, w)
        }

        if (obj.leaving != null) {
          w.uint32(242)
          Leaving.codec().encode(obj.leaving, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          index: 0,
          workedMs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.index = reader.uint32()
              break
            }
            case 2: {
              obj.workedMs = reader.uint64Number()
              break
            }
            case 3: {
              obj.refused = Refused.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.refused
              })
              break
            }
            case 5: {
              obj.state = State.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.state
              })
              break
            }
            case 6: {
              obj.log = Log.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.log
              })
              break
            }
            case 7: {
              obj.progress = Progress.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.progress
              })
              break
            }
            case 8: {
              obj.output = Output.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.output
              })
              break
            }
            case 10: {
              obj.checkpoint = Checkpoint.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.checkpoint
              })
              break
            }
            case 25: {
              obj.service = Service.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.service
              })
              break
            }
            case 30: {
              obj.leaving = Leaving.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.leaving
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.leaving != null) {
          delete obj.service
          delete obj.checkpoint
          delete obj.output
          delete obj.progress
          delete obj.log
          delete obj.state
          delete obj.refused
        }

        if (obj.service != null) {
          delete obj.leaving
          delete obj.checkpoint
          delete obj.output
          delete obj.progress
          delete obj.log
          delete obj.state
          delete obj.refused
        }

        if (obj.checkpoint != null) {
          delete obj.leaving
          delete obj.service
          delete obj.output
          delete obj.progress
          delete obj.log
          delete obj.state
          delete obj.refused
        }

        if (obj.output != null) {
          delete obj.leaving
          delete obj.service
          delete obj.checkpoint
          delete obj.progress
          delete obj.log
          delete obj.state
          delete obj.refused
        }

        if (obj.progress != null) {
          delete obj.leaving
          delete obj.service
          delete obj.checkpoint
          delete obj.output
          delete obj.log
          delete obj.state
          delete obj.refused
        }

        if (obj.log != null) {
          delete obj.leaving
          delete obj.service
          delete obj.checkpoint
          delete obj.output
          delete obj.progress
          delete obj.state
          delete obj.refused
        }

        if (obj.state != null) {
          delete obj.leaving
          delete obj.service
          delete obj.checkpoint
          delete obj.output
          delete obj.progress
          delete obj.log
          delete obj.refused
        }

        if (obj.refused != null) {
          delete obj.leaving
          delete obj.service
          delete obj.checkpoint
          delete obj.output
          delete obj.progress
          delete obj.log
          delete obj.state
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.index`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.workedMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield * Refused.codec().stream(reader, reader.uint32(), `${prefix}.refused`, {
                limits: opts.limits?.refused
              })

              break
            }
            case 5: {
              yield * State.codec().stream(reader, reader.uint32(), `${prefix}.state`, {
                limits: opts.limits?.state
              })

              break
            }
            case 6: {
              yield * Log.codec().stream(reader, reader.uint32(), `${prefix}.log`, {
                limits: opts.limits?.log
              })

              break
            }
            case 7: {
              yield * Progress.codec().stream(reader, reader.uint32(), `${prefix}.progress`, {
                limits: opts.limits?.progress
              })

              break
            }
            case 8: {
              yield * Output.codec().stream(reader, reader.uint32(), `${prefix}.output`, {
                limits: opts.limits?.output
              })

              break
            }
            case 10: {
              yield * Checkpoint.codec().stream(reader, reader.uint32(), `${prefix}.checkpoint`, {
                limits: opts.limits?.checkpoint
              })

              break
            }
            case 25: {
              yield * Service.codec().stream(reader, reader.uint32(), `${prefix}.service`, {
                limits: opts.limits?.service
              })

              break
            }
            case 30: {
              yield * Leaving.codec().stream(reader, reader.uint32(), `${prefix}.leaving`, {
                limits: opts.limits?.leaving
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

  export interface JobEventIndexFieldEvent {
    field: '$.index'
    value: number
  }

  export interface JobEventWorkedMsFieldEvent {
    field: '$.workedMs'
    value: number
  }

  export interface JobEventRefusedReasonFieldEvent {
    field: '$.refused.reason'
    value: string
  }

  export interface JobEventRefusedDetailFieldEvent {
    field: '$.refused.detail'
    value: string
  }

  export interface JobEventStateStateFieldEvent {
    field: '$.state.state'
    value: JobState
  }

  export interface JobEventStateReasonFieldEvent {
    field: '$.state.reason'
    value: string
  }

  export interface JobEventStateDetailFieldEvent {
    field: '$.state.detail'
    value: string
  }

  export interface JobEventLogLineFieldEvent {
    field: '$.log.line'
    value: string
  }

  export interface JobEventLogDroppedFieldEvent {
    field: '$.log.dropped'
    value: number
  }

  export interface JobEventProgressStepFieldEvent {
    field: '$.progress.step'
    value: number
  }

  export interface JobEventProgressStepsFieldEvent {
    field: '$.progress.steps'
    value: number
  }

  export interface JobEventProgressMetricsNameFieldEvent {
    field: '$.progress.metrics[].name'
    value: string
    index: number
  }

  export interface JobEventProgressMetricsValueFieldEvent {
    field: '$.progress.metrics[].value'
    value: number
    index: number
  }

  export interface JobEventOutputBlobsNameFieldEvent {
    field: '$.output.blobs[].name'
    value: string
    index: number
  }

  export interface JobEventOutputBlobsSha256FieldEvent {
    field: '$.output.blobs[].sha256'
    value: Uint8Array
    index: number
  }

  export interface JobEventOutputBlobsBytesFieldEvent {
    field: '$.output.blobs[].bytes'
    value: number
    index: number
  }

  export interface JobEventOutputBlobsSharedFieldEvent {
    field: '$.output.blobs[].shared'
    value: boolean
    index: number
  }

  export interface JobEventOutputBlobsKeepFieldEvent {
    field: '$.output.blobs[].keep'
    value: boolean
    index: number
  }

  export interface JobEventCheckpointStepFieldEvent {
    field: '$.checkpoint.step'
    value: number
  }

  export interface JobEventCheckpointBlobNameFieldEvent {
    field: '$.checkpoint.blob.name'
    value: string
  }

  export interface JobEventCheckpointBlobSha256FieldEvent {
    field: '$.checkpoint.blob.sha256'
    value: Uint8Array
  }

  export interface JobEventCheckpointBlobBytesFieldEvent {
    field: '$.checkpoint.blob.bytes'
    value: number
  }

  export interface JobEventCheckpointBlobSharedFieldEvent {
    field: '$.checkpoint.blob.shared'
    value: boolean
  }

  export interface JobEventCheckpointBlobKeepFieldEvent {
    field: '$.checkpoint.blob.keep'
    value: boolean
  }

  export interface JobEventServiceStatusFieldEvent {
    field: '$.service.status'
    value: string
  }

  export interface JobEventServiceDetailFieldEvent {
    field: '$.service.detail'
    value: string
  }

  export interface JobEventServiceRestartsFieldEvent {
    field: '$.service.restarts'
    value: number
  }

  export interface JobEventLeavingAtMsFieldEvent {
    field: '$.leaving.atMs'
    value: number
  }

  export interface JobEventLeavingReasonFieldEvent {
    field: '$.leaving.reason'
    value: string
  }

  export function encode (obj: Partial<JobEvent>): Uint8Array {
    return encodeMessage(obj, JobEvent.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobEvent>): JobEvent {
    return decodeMessage(buf, JobEvent.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<JobEvent>): Generator<JobEventIndexFieldEvent | JobEventWorkedMsFieldEvent | JobEventRefusedReasonFieldEvent | JobEventRefusedDetailFieldEvent | JobEventStateStateFieldEvent | JobEventStateReasonFieldEvent | JobEventStateDetailFieldEvent | JobEventLogLineFieldEvent | JobEventLogDroppedFieldEvent | JobEventProgressStepFieldEvent | JobEventProgressStepsFieldEvent | JobEventProgressMetricsNameFieldEvent | JobEventProgressMetricsValueFieldEvent | JobEventOutputBlobsNameFieldEvent | JobEventOutputBlobsSha256FieldEvent | JobEventOutputBlobsBytesFieldEvent | JobEventOutputBlobsSharedFieldEvent | JobEventOutputBlobsKeepFieldEvent | JobEventCheckpointStepFieldEvent | JobEventCheckpointBlobNameFieldEvent | JobEventCheckpointBlobSha256FieldEvent | JobEventCheckpointBlobBytesFieldEvent | JobEventCheckpointBlobSharedFieldEvent | JobEventCheckpointBlobKeepFieldEvent | JobEventServiceStatusFieldEvent | JobEventServiceDetailFieldEvent | JobEventServiceRestartsFieldEvent | JobEventLeavingAtMsFieldEvent | JobEventLeavingReasonFieldEvent> {
    return streamMessage(buf, JobEvent.codec(), opts)
  }
}

export interface Refused {
  reason: string
  detail: string
}

export namespace Refused {
  let _codec: Codec<Refused>

  export const codec = (): Codec<Refused> => {
    if (_codec == null) {
      _codec = message<Refused>((obj, w, opts = {}) => {
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

  export interface RefusedReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface RefusedDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<Refused>): Uint8Array {
    return encodeMessage(obj, Refused.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Refused>): Refused {
    return decodeMessage(buf, Refused.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Refused>): Generator<RefusedReasonFieldEvent | RefusedDetailFieldEvent> {
    return streamMessage(buf, Refused.codec(), opts)
  }
}

export enum JobState {
  QUEUED = 'QUEUED',
  MATCHING = 'MATCHING',
  RUNNING = 'RUNNING',
  COMPLETED = 'COMPLETED',
  FAILED = 'FAILED',
  STOPPED = 'STOPPED'
}

enum __JobStateValues {
  QUEUED = 0,
  MATCHING = 1,
  RUNNING = 2,
  COMPLETED = 3,
  FAILED = 4,
  STOPPED = 5
}

export namespace JobState {
  export const codec = (): Codec<JobState> => {
    return enumeration<JobState>(__JobStateValues)
  }
}

export interface State {
  state: JobState
  reason: string
  detail: string
}

export namespace State {
  let _codec: Codec<State>

  export const codec = (): Codec<State> => {
    if (_codec == null) {
      _codec = message<State>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.state != null && __JobStateValues[obj.state] !== 0) {
          w.uint32(8)
          JobState.codec().encode(obj.state, w)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if ((obj.detail != null && obj.detail !== '')) {
          w.uint32(26)
          w.string(obj.detail)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          state: JobState.QUEUED,
          reason: '',
          detail: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.state = JobState.codec().decode(reader)
              break
            }
            case 2: {
              obj.reason = reader.string()
              break
            }
            case 3: {
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
                field: `${prefix}.state`,
                value: JobState.codec().decode(reader)
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
                value: reader.string()
              }
              break
            }
            case 3: {
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

  export interface StateStateFieldEvent {
    field: '$.state'
    value: JobState
  }

  export interface StateReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface StateDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<State>): Uint8Array {
    return encodeMessage(obj, State.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<State>): State {
    return decodeMessage(buf, State.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<State>): Generator<StateStateFieldEvent | StateReasonFieldEvent | StateDetailFieldEvent> {
    return streamMessage(buf, State.codec(), opts)
  }
}

export interface Log {
  line: string
  dropped?: number
}

export namespace Log {
  let _codec: Codec<Log>

  export const codec = (): Codec<Log> => {
    if (_codec == null) {
      _codec = message<Log>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.line != null && obj.line !== '')) {
          w.uint32(10)
          w.string(obj.line)
        }

        if (obj.dropped != null) {
          w.uint32(16)
          w.uint32(obj.dropped)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          line: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.line = reader.string()
              break
            }
            case 2: {
              obj.dropped = reader.uint32()
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
                field: `${prefix}.line`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.dropped`,
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

  export interface LogLineFieldEvent {
    field: '$.line'
    value: string
  }

  export interface LogDroppedFieldEvent {
    field: '$.dropped'
    value: number
  }

  export function encode (obj: Partial<Log>): Uint8Array {
    return encodeMessage(obj, Log.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Log>): Log {
    return decodeMessage(buf, Log.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Log>): Generator<LogLineFieldEvent | LogDroppedFieldEvent> {
    return streamMessage(buf, Log.codec(), opts)
  }
}

export interface Progress {
  step: number
  steps: number
  metrics: Metric[]
}

export namespace Progress {
  let _codec: Codec<Progress>

  export const codec = (): Codec<Progress> => {
    if (_codec == null) {
      _codec = message<Progress>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.step != null && obj.step !== 0)) {
          w.uint32(8)
          w.uint32(obj.step)
        }

        if ((obj.steps != null && obj.steps !== 0)) {
          w.uint32(16)
          w.uint32(obj.steps)
        }

        if (obj.metrics != null && obj.metrics.length > 0) {
          for (const value of obj.metrics) {
            w.uint32(26)
            Metric.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          step: 0,
          steps: 0,
          metrics: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.step = reader.uint32()
              break
            }
            case 2: {
              obj.steps = reader.uint32()
              break
            }
            case 3: {
              if (opts.limits?.metrics != null && obj.metrics.length === opts.limits.metrics) {
                throw new MaxLengthError('Decode error - repeated field "metrics" had too many elements')
              }

              obj.metrics.push(Metric.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.metrics$
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
          metrics: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.step`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.steps`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              if (opts.limits?.metrics != null && obj.metrics === opts.limits.metrics) {
                throw new MaxLengthError('Streaming decode error - repeated field "metrics" had too many elements')
              }

              for (const evt of Metric.codec().stream(reader, reader.uint32(), `${prefix}.metrics[]`, {
                limits: opts.limits?.metrics$
              })) {
                yield {
                  ...evt,
                  index: obj.metrics
                }
              }

              obj.metrics++

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

  export interface ProgressStepFieldEvent {
    field: '$.step'
    value: number
  }

  export interface ProgressStepsFieldEvent {
    field: '$.steps'
    value: number
  }

  export interface ProgressMetricsNameFieldEvent {
    field: '$.metrics[].name'
    value: string
    index: number
  }

  export interface ProgressMetricsValueFieldEvent {
    field: '$.metrics[].value'
    value: number
    index: number
  }

  export function encode (obj: Partial<Progress>): Uint8Array {
    return encodeMessage(obj, Progress.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Progress>): Progress {
    return decodeMessage(buf, Progress.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Progress>): Generator<ProgressStepFieldEvent | ProgressStepsFieldEvent | ProgressMetricsNameFieldEvent | ProgressMetricsValueFieldEvent> {
    return streamMessage(buf, Progress.codec(), opts)
  }
}

export interface Metric {
  name: string
  value: number
}

export namespace Metric {
  let _codec: Codec<Metric>

  export const codec = (): Codec<Metric> => {
    if (_codec == null) {
      _codec = message<Metric>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.name != null && obj.name !== '')) {
          w.uint32(10)
          w.string(obj.name)
        }

        if ((obj.value != null && obj.value !== 0)) {
          w.uint32(17)
          w.double(obj.value)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          name: '',
          value: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.name = reader.string()
              break
            }
            case 2: {
              obj.value = reader.double()
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
                field: `${prefix}.name`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.value`,
                value: reader.double()
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

  export interface MetricNameFieldEvent {
    field: '$.name'
    value: string
  }

  export interface MetricValueFieldEvent {
    field: '$.value'
    value: number
  }

  export function encode (obj: Partial<Metric>): Uint8Array {
    return encodeMessage(obj, Metric.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Metric>): Metric {
    return decodeMessage(buf, Metric.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Metric>): Generator<MetricNameFieldEvent | MetricValueFieldEvent> {
    return streamMessage(buf, Metric.codec(), opts)
  }
}

export interface Checkpoint {
  step: number
  blob?: Blob
}

export namespace Checkpoint {
  let _codec: Codec<Checkpoint>

  export const codec = (): Codec<Checkpoint> => {
    if (_codec == null) {
      _codec = message<Checkpoint>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.step != null && obj.step !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.step)
        }

        if (obj.blob != null) {
          w.uint32(18)
          Blob.codec().encode(obj.blob, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          step: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.step = reader.uint64Number()
              break
            }
            case 2: {
              obj.blob = Blob.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blob
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
                field: `${prefix}.step`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              yield * Blob.codec().stream(reader, reader.uint32(), `${prefix}.blob`, {
                limits: opts.limits?.blob
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

  export interface CheckpointStepFieldEvent {
    field: '$.step'
    value: number
  }

  export interface CheckpointBlobNameFieldEvent {
    field: '$.blob.name'
    value: string
  }

  export interface CheckpointBlobSha256FieldEvent {
    field: '$.blob.sha256'
    value: Uint8Array
  }

  export interface CheckpointBlobBytesFieldEvent {
    field: '$.blob.bytes'
    value: number
  }

  export interface CheckpointBlobSharedFieldEvent {
    field: '$.blob.shared'
    value: boolean
  }

  export interface CheckpointBlobKeepFieldEvent {
    field: '$.blob.keep'
    value: boolean
  }

  export function encode (obj: Partial<Checkpoint>): Uint8Array {
    return encodeMessage(obj, Checkpoint.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Checkpoint>): Checkpoint {
    return decodeMessage(buf, Checkpoint.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Checkpoint>): Generator<CheckpointStepFieldEvent | CheckpointBlobNameFieldEvent | CheckpointBlobSha256FieldEvent | CheckpointBlobBytesFieldEvent | CheckpointBlobSharedFieldEvent | CheckpointBlobKeepFieldEvent> {
    return streamMessage(buf, Checkpoint.codec(), opts)
  }
}

export interface Leaving {
  atMs: number
  reason: string
}

export namespace Leaving {
  let _codec: Codec<Leaving>

  export const codec = (): Codec<Leaving> => {
    if (_codec == null) {
      _codec = message<Leaving>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.atMs != null && obj.atMs !== 0)) {
          w.uint32(8)
          w.uint64Number(obj.atMs)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(18)
          w.string(obj.reason)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          atMs: 0,
          reason: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.atMs = reader.uint64Number()
              break
            }
            case 2: {
              obj.reason = reader.string()
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
                field: `${prefix}.atMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.reason`,
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

  export interface LeavingAtMsFieldEvent {
    field: '$.atMs'
    value: number
  }

  export interface LeavingReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export function encode (obj: Partial<Leaving>): Uint8Array {
    return encodeMessage(obj, Leaving.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leaving>): Leaving {
    return decodeMessage(buf, Leaving.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Leaving>): Generator<LeavingAtMsFieldEvent | LeavingReasonFieldEvent> {
    return streamMessage(buf, Leaving.codec(), opts)
  }
}

export interface Output {
  blobs: Blob[]
}

export namespace Output {
  let _codec: Codec<Output>

  export const codec = (): Codec<Output> => {
    if (_codec == null) {
      _codec = message<Output>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.blobs != null && obj.blobs.length > 0) {
          for (const value of obj.blobs) {
            w.uint32(10)
            Blob.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          blobs: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blobs != null && obj.blobs.length === opts.limits.blobs) {
                throw new MaxLengthError('Decode error - repeated field "blobs" had too many elements')
              }

              obj.blobs.push(Blob.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.blobs$
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
          blobs: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.blobs != null && obj.blobs === opts.limits.blobs) {
                throw new MaxLengthError('Streaming decode error - repeated field "blobs" had too many elements')
              }

              for (const evt of Blob.codec().stream(reader, reader.uint32(), `${prefix}.blobs[]`, {
                limits: opts.limits?.blobs$
              })) {
                yield {
                  ...evt,
                  index: obj.blobs
                }
              }

              obj.blobs++

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

  export interface OutputBlobsNameFieldEvent {
    field: '$.blobs[].name'
    value: string
    index: number
  }

  export interface OutputBlobsSha256FieldEvent {
    field: '$.blobs[].sha256'
    value: Uint8Array
    index: number
  }

  export interface OutputBlobsBytesFieldEvent {
    field: '$.blobs[].bytes'
    value: number
    index: number
  }

  export interface OutputBlobsSharedFieldEvent {
    field: '$.blobs[].shared'
    value: boolean
    index: number
  }

  export interface OutputBlobsKeepFieldEvent {
    field: '$.blobs[].keep'
    value: boolean
    index: number
  }

  export function encode (obj: Partial<Output>): Uint8Array {
    return encodeMessage(obj, Output.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Output>): Output {
    return decodeMessage(buf, Output.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Output>): Generator<OutputBlobsNameFieldEvent | OutputBlobsSha256FieldEvent | OutputBlobsBytesFieldEvent | OutputBlobsSharedFieldEvent | OutputBlobsKeepFieldEvent> {
    return streamMessage(buf, Output.codec(), opts)
  }
}

export interface Service {
  status: string
  detail: string
  restarts: number
}

export namespace Service {
  let _codec: Codec<Service>

  export const codec = (): Codec<Service> => {
    if (_codec == null) {
      _codec = message<Service>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.status != null && obj.status !== '')) {
          w.uint32(10)
          w.string(obj.status)
        }

        if ((obj.detail != null && obj.detail !== '')) {
          w.uint32(18)
          w.string(obj.detail)
        }

        if ((obj.restarts != null && obj.restarts !== 0)) {
          w.uint32(24)
          w.uint32(obj.restarts)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          status: '',
          detail: '',
          restarts: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.status = reader.string()
              break
            }
            case 2: {
              obj.detail = reader.string()
              break
            }
            case 3: {
              obj.restarts = reader.uint32()
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
                field: `${prefix}.status`,
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
                field: `${prefix}.restarts`,
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

  export interface ServiceStatusFieldEvent {
    field: '$.status'
    value: string
  }

  export interface ServiceDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export interface ServiceRestartsFieldEvent {
    field: '$.restarts'
    value: number
  }

  export function encode (obj: Partial<Service>): Uint8Array {
    return encodeMessage(obj, Service.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Service>): Service {
    return decodeMessage(buf, Service.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Service>): Generator<ServiceStatusFieldEvent | ServiceDetailFieldEvent | ServiceRestartsFieldEvent> {
    return streamMessage(buf, Service.codec(), opts)
  }
}

export interface ContentRequest {
  root: Uint8Array
  first: number
  count: number
  held: number
}

export namespace ContentRequest {
  let _codec: Codec<ContentRequest>

  export const codec = (): Codec<ContentRequest> => {
    if (_codec == null) {
      _codec = message<ContentRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.root != null && obj.root.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.root)
        }

        if ((obj.first != null && obj.first !== 0)) {
          w.uint32(16)
          w.uint32(obj.first)
        }

        if ((obj.count != null && obj.count !== 0)) {
          w.uint32(24)
          w.uint32(obj.count)
        }

        if ((obj.held != null && obj.held !== 0)) {
          w.uint32(32)
          w.uint64Number(obj.held)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          root: uint8ArrayAlloc(0),
          first: 0,
          count: 0,
          held: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.root = reader.bytes()
              break
            }
            case 2: {
              obj.first = reader.uint32()
              break
            }
            case 3: {
              obj.count = reader.uint32()
              break
            }
            case 4: {
              obj.held = reader.uint64Number()
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
                field: `${prefix}.root`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.first`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.count`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.held`,
                value: reader.uint64Number()
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

  export interface ContentRequestRootFieldEvent {
    field: '$.root'
    value: Uint8Array
  }

  export interface ContentRequestFirstFieldEvent {
    field: '$.first'
    value: number
  }

  export interface ContentRequestCountFieldEvent {
    field: '$.count'
    value: number
  }

  export interface ContentRequestHeldFieldEvent {
    field: '$.held'
    value: number
  }

  export function encode (obj: Partial<ContentRequest>): Uint8Array {
    return encodeMessage(obj, ContentRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ContentRequest>): ContentRequest {
    return decodeMessage(buf, ContentRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ContentRequest>): Generator<ContentRequestRootFieldEvent | ContentRequestFirstFieldEvent | ContentRequestCountFieldEvent | ContentRequestHeldFieldEvent> {
    return streamMessage(buf, ContentRequest.codec(), opts)
  }
}

export interface ContentAnswer {
  refused: string
  detail: string
}

export namespace ContentAnswer {
  let _codec: Codec<ContentAnswer>

  export const codec = (): Codec<ContentAnswer> => {
    if (_codec == null) {
      _codec = message<ContentAnswer>((obj, w, opts = {}) => {
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

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          refused: '',
          detail: ''
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

  export interface ContentAnswerRefusedFieldEvent {
    field: '$.refused'
    value: string
  }

  export interface ContentAnswerDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<ContentAnswer>): Uint8Array {
    return encodeMessage(obj, ContentAnswer.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ContentAnswer>): ContentAnswer {
    return decodeMessage(buf, ContentAnswer.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ContentAnswer>): Generator<ContentAnswerRefusedFieldEvent | ContentAnswerDetailFieldEvent> {
    return streamMessage(buf, ContentAnswer.codec(), opts)
  }
}
