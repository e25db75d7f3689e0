/* eslint-disable require-yield */

import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface ForwardRequest {
  open?: ForwardOpen
  data?: Uint8Array
}

export namespace ForwardRequest {
  let _codec: Codec<ForwardRequest>

  export const codec = (): Codec<ForwardRequest> => {
    if (_codec == null) {
      _codec = message<ForwardRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.data != null) {
          obj.open = undefined
        }

        if (obj.open != null) {
          obj.data = undefined
        }

        if (obj.open != null) {
          w.uint32(10)
          ForwardOpen.codec().encode(obj.open, w)
        }

        if (obj.data != null) {
          w.uint32(18)
          w.bytes(obj.data)
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
              obj.open = ForwardOpen.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.open
              })
              break
            }
            case 2: {
              obj.data = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.data != null) {
          delete obj.open
        }

        if (obj.open != null) {
          delete obj.data
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * ForwardOpen.codec().stream(reader, reader.uint32(), `${prefix}.open`, {
                limits: opts.limits?.open
              })

              break
            }
            case 2: {
              yield {
                field: `${prefix}.data`,
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

  export interface ForwardRequestOpenLeaseFieldEvent {
    field: '$.open.lease'
    value: Uint8Array
  }

  export interface ForwardRequestOpenPortFieldEvent {
    field: '$.open.port'
    value: number
  }

  export interface ForwardRequestDataFieldEvent {
    field: '$.data'
    value: Uint8Array
  }

  export function encode (obj: Partial<ForwardRequest>): Uint8Array {
    return encodeMessage(obj, ForwardRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardRequest>): ForwardRequest {
    return decodeMessage(buf, ForwardRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardRequest>): Generator<ForwardRequestOpenLeaseFieldEvent | ForwardRequestOpenPortFieldEvent | ForwardRequestDataFieldEvent> {
    return streamMessage(buf, ForwardRequest.codec(), opts)
  }
}

export interface ForwardOpen {
  lease: Uint8Array
  port: number
}

export namespace ForwardOpen {
  let _codec: Codec<ForwardOpen>

  export const codec = (): Codec<ForwardOpen> => {
    if (_codec == null) {
      _codec = message<ForwardOpen>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.lease != null && obj.lease.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.lease)
        }

        if ((obj.port != null && obj.port !== 0)) {
          w.uint32(16)
          w.uint32(obj.port)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          lease: uint8ArrayAlloc(0),
          port: 0
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
              obj.port = reader.uint32()
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
                field: `${prefix}.port`,
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

  export interface ForwardOpenLeaseFieldEvent {
    field: '$.lease'
    value: Uint8Array
  }

  export interface ForwardOpenPortFieldEvent {
    field: '$.port'
    value: number
  }

  export function encode (obj: Partial<ForwardOpen>): Uint8Array {
    return encodeMessage(obj, ForwardOpen.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardOpen>): ForwardOpen {
    return decodeMessage(buf, ForwardOpen.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardOpen>): Generator<ForwardOpenLeaseFieldEvent | ForwardOpenPortFieldEvent> {
    return streamMessage(buf, ForwardOpen.codec(), opts)
  }
}

export interface ForwardResponse {
  opened?: Opened
  denied?: Denied
  data?: Uint8Array
}

export namespace ForwardResponse {
  let _codec: Codec<ForwardResponse>

  export const codec = (): Codec<ForwardResponse> => {
    if (_codec == null) {
      _codec = message<ForwardResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.data != null) {
          obj.denied = undefined
          obj.opened = undefined
        }

        if (obj.denied != null) {
          obj.data = undefined
          obj.opened = undefined
        }

        if (obj.opened != null) {
          obj.data = undefined
          obj.denied = undefined
        }

        if (obj.opened != null) {
          w.uint32(10)
          Opened.codec().encode(obj.opened, w)
        }

        if (obj.denied != null) {
          w.uint32(18)
          Denied.codec().encode(obj.denied, w)
        }

        if (obj.data != null) {
          w.uint32(26)
          w.bytes(obj.data)
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
              obj.opened = Opened.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.opened
              })
              break
            }
            case 2: {
              obj.denied = Denied.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.denied
              })
              break
            }
            case 3: {
              obj.data = reader.bytes()
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.data != null) {
          delete obj.denied
          delete obj.opened
        }

        if (obj.denied != null) {
          delete obj.data
          delete obj.opened
        }

        if (obj.opened != null) {
          delete obj.data
          delete obj.denied
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Opened.codec().stream(reader, reader.uint32(), `${prefix}.opened`, {
                limits: opts.limits?.opened
              })

              break
            }
            case 2: {
              yield * Denied.codec().stream(reader, reader.uint32(), `${prefix}.denied`, {
                limits: opts.limits?.denied
              })

              break
            }
            case 3: {
              yield {
                field: `${prefix}.data`,
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

  export interface ForwardResponseDeniedReasonFieldEvent {
    field: '$.denied.reason'
    value: string
  }

  export interface ForwardResponseDeniedDetailFieldEvent {
    field: '$.denied.detail'
    value: string
  }

  export interface ForwardResponseDataFieldEvent {
    field: '$.data'
    value: Uint8Array
  }

  export function encode (obj: Partial<ForwardResponse>): Uint8Array {
    return encodeMessage(obj, ForwardResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardResponse>): ForwardResponse {
    return decodeMessage(buf, ForwardResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ForwardResponse>): Generator<ForwardResponseDeniedReasonFieldEvent | ForwardResponseDeniedDetailFieldEvent | ForwardResponseDataFieldEvent> {
    return streamMessage(buf, ForwardResponse.codec(), opts)
  }
}

export interface Opened {}

export namespace Opened {
  let _codec: Codec<Opened>

  export const codec = (): Codec<Opened> => {
    if (_codec == null) {
      _codec = message<Opened>((obj, w, opts = {}) => {
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

  export function encode (obj: Partial<Opened>): Uint8Array {
    return encodeMessage(obj, Opened.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opened>): Opened {
    return decodeMessage(buf, Opened.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Opened>): Generator<{}> {
    return streamMessage(buf, Opened.codec(), opts)
  }
}

export interface Denied {
  reason: string
  detail: string
}

export namespace Denied {
  let _codec: Codec<Denied>

  export const codec = (): Codec<Denied> => {
    if (_codec == null) {
      _codec = message<Denied>((obj, w, opts = {}) => {
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

  export interface DeniedReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export interface DeniedDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<Denied>): Uint8Array {
    return encodeMessage(obj, Denied.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Denied>): Denied {
    return decodeMessage(buf, Denied.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Denied>): Generator<DeniedReasonFieldEvent | DeniedDetailFieldEvent> {
    return streamMessage(buf, Denied.codec(), opts)
  }
}

export interface ExecRequest {
  open?: ExecOpen
  input?: Uint8Array
  inputEnd?: InputEnd
  resize?: TerminalSize
}

export namespace ExecRequest {
  let _codec: Codec<ExecRequest>

  export const codec = (): Codec<ExecRequest> => {
    if (_codec == null) {
      _codec = message<ExecRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.resize != null) {
          obj.inputEnd = undefined
          obj.input = undefined
          obj.open = undefined
        }

        if (obj.inputEnd != null) {
          obj.resize = undefined
          obj.input = undefined
          obj.open = undefined
        }

        if (obj.input != null) {
          obj.resize = undefined
          obj.inputEnd = undefined
          obj.open = undefined
        }

        if (obj.open != null) {
          obj.resize = undefined
          obj.inputEnd = undefined
          obj.input = undefined
        }

        if (obj.open != null) {
          w.uint32(10)
          ExecOpen.codec().encode(obj.open, w)
        }

        if (obj.input != null) {
          w.uint32(18)
          w.bytes(obj.input)
        }

        if (obj.inputEnd != null) {
          w.uint32(26)
          InputEnd.codec().encode(obj.inputEnd, w)
        }

        if (obj.resize != null) {
          w.uint32(34)
          TerminalSize.codec().encode(obj.resize, w)
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
              obj.open = ExecOpen.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.open
              })
              break
            }
            case 2: {
              obj.input = reader.bytes()
              break
            }
            case 3: {
              obj.inputEnd = InputEnd.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.inputEnd
              })
              break
            }
            case 4: {
              obj.resize = TerminalSize.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.resize
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.resize != null) {
          delete obj.inputEnd
          delete obj.input
          delete obj.open
        }

        if (obj.inputEnd != null) {
          delete obj.resize
          delete obj.input
          delete obj.open
        }

        if (obj.input != null) {
          delete obj.resize
          delete obj.inputEnd
          delete obj.open
        }

        if (obj.open != null) {
          delete obj.resize
          delete obj.inputEnd
          delete obj.input
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * ExecOpen.codec().stream(reader, reader.uint32(), `${prefix}.open`, {
                limits: opts.limits?.open
              })

              break
            }
            case 2: {
              yield {
                field: `${prefix}.input`,
                value: reader.bytes()
              }
              break
            }
            case 3: {
              yield * InputEnd.codec().stream(reader, reader.uint32(), `${prefix}.inputEnd`, {
                limits: opts.limits?.inputEnd
              })

              break
            }
            case 4: {
              yield * TerminalSize.codec().stream(reader, reader.uint32(), `${prefix}.resize`, {
                limits: opts.limits?.resize
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

  export interface ExecRequestOpenLeaseFieldEvent {
    field: '$.open.lease'
    value: Uint8Array
  }

  export interface ExecRequestOpenCommandFieldEvent {
    field: '$.open.command[]'
    index: number
    value: string
  }

  export interface ExecRequestOpenTerminalRowsFieldEvent {
    field: '$.open.terminal.rows'
    value: number
  }

  export interface ExecRequestOpenTerminalColumnsFieldEvent {
    field: '$.open.terminal.columns'
    value: number
  }

  export interface ExecRequestInputFieldEvent {
    field: '$.input'
    value: Uint8Array
  }

  export interface ExecRequestResizeRowsFieldEvent {
    field: '$.resize.rows'
    value: number
  }

  export interface ExecRequestResizeColumnsFieldEvent {
    field: '$.resize.columns'
    value: number
  }

  export function encode (obj: Partial<ExecRequest>): Uint8Array {
    return encodeMessage(obj, ExecRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecRequest>): ExecRequest {
    return decodeMessage(buf, ExecRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecRequest>): Generator<ExecRequestOpenLeaseFieldEvent | ExecRequestOpenCommandFieldEvent | ExecRequestOpenTerminalRowsFieldEvent | ExecRequestOpenTerminalColumnsFieldEvent | ExecRequestInputFieldEvent | ExecRequestResizeRowsFieldEvent | ExecRequestResizeColumnsFieldEvent> {
    return streamMessage(buf, ExecRequest.codec(), opts)
  }
}

export interface ExecOpen {
  lease: Uint8Array
  command: string[]
  terminal?: TerminalSize
}

export namespace ExecOpen {
  let _codec: Codec<ExecOpen>

  export const codec = (): Codec<ExecOpen> => {
    if (_codec == null) {
      _codec = message<ExecOpen>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.lease != null && obj.lease.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.lease)
        }

        if (obj.command != null && obj.command.length > 0) {
          for (const value of obj.command) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (obj.terminal != null) {
          w.uint32(26)
          TerminalSize.codec().encode(obj.terminal, w)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          lease: uint8ArrayAlloc(0),
          command: []
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
              if (opts.limits?.command != null && obj.command.length === opts.limits.command) {
                throw new MaxLengthError('Decode error - repeated field "command" had too many elements')
              }

              obj.command.push(reader.string())
              break
            }
            case 3: {
              obj.terminal = TerminalSize.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.terminal
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
        const obj = {
          command: 0
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
              if (opts.limits?.command != null && obj.command === opts.limits.command) {
                throw new MaxLengthError('Streaming decode error - repeated field "command" had too many elements')
              }

              yield {
                field: `${prefix}.command[]`,
                index: obj.command,
                value: reader.string()
              }

              obj.command++

              break
            }
            case 3: {
              yield * TerminalSize.codec().stream(reader, reader.uint32(), `${prefix}.terminal`, {
                limits: opts.limits?.terminal
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

  export interface ExecOpenLeaseFieldEvent {
    field: '$.lease'
    value: Uint8Array
  }

  export interface ExecOpenCommandFieldEvent {
    field: '$.command[]'
    index: number
    value: string
  }

  export interface ExecOpenTerminalRowsFieldEvent {
    field: '$.terminal.rows'
    value: number
  }

  export interface ExecOpenTerminalColumnsFieldEvent {
    field: '$.terminal.columns'
    value: number
  }

  export function encode (obj: Partial<ExecOpen>): Uint8Array {
    return encodeMessage(obj, ExecOpen.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecOpen>): ExecOpen {
    return decodeMessage(buf, ExecOpen.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecOpen>): Generator<ExecOpenLeaseFieldEvent | ExecOpenCommandFieldEvent | ExecOpenTerminalRowsFieldEvent | ExecOpenTerminalColumnsFieldEvent> {
    return streamMessage(buf, ExecOpen.codec(), opts)
  }
}

export interface TerminalSize {
  rows: number
  columns: number
}

export namespace TerminalSize {
  let _codec: Codec<TerminalSize>

  export const codec = (): Codec<TerminalSize> => {
    if (_codec == null) {
      _codec = message<TerminalSize>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.rows != null && obj.rows !== 0)) {
          w.uint32(8)
          w.uint32(obj.rows)
        }

        if ((obj.columns != null && obj.columns !== 0)) {
          w.uint32(16)
          w.uint32(obj.columns)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          rows: 0,
          columns: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.rows = reader.uint32()
              break
            }
            case 2: {
              obj.columns = reader.uint32()
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
                field: `${prefix}.rows`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.columns`,
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

  export interface TerminalSizeRowsFieldEvent {
    field: '$.rows'
    value: number
  }

  export interface TerminalSizeColumnsFieldEvent {
    field: '$.columns'
    value: number
  }

  export function encode (obj: Partial<TerminalSize>): Uint8Array {
    return encodeMessage(obj, TerminalSize.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TerminalSize>): TerminalSize {
    return decodeMessage(buf, TerminalSize.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<TerminalSize>): Generator<TerminalSizeRowsFieldEvent | TerminalSizeColumnsFieldEvent> {
    return streamMessage(buf, TerminalSize.codec(), opts)
  }
}

export interface InputEnd {}

export namespace InputEnd {
  let _codec: Codec<InputEnd>

  export const codec = (): Codec<InputEnd> => {
    if (_codec == null) {
      _codec = message<InputEnd>((obj, w, opts = {}) => {
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

  export function encode (obj: Partial<InputEnd>): Uint8Array {
    return encodeMessage(obj, InputEnd.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InputEnd>): InputEnd {
    return decodeMessage(buf, InputEnd.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InputEnd>): Generator<{}> {
    return streamMessage(buf, InputEnd.codec(), opts)
  }
}

export interface ExecResponse {
  opened?: Opened
  denied?: Denied
  output?: Uint8Array
  errors?: Uint8Array
  exited?: Exited
}

export namespace ExecResponse {
  let _codec: Codec<ExecResponse>

  export const codec = (): Codec<ExecResponse> => {
    if (_codec == null) {
      _codec = message<ExecResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.exited != null) {
          obj.errors = undefined
          obj.output = undefined
          obj.denied = undefined
          obj.opened = undefined
        }

        if (obj.errors != null) {
          obj.exited = undefined
          obj.output = undefined
          obj.denied = undefined
          obj.opened = undefined
        }

        if (obj.output != null) {
          obj.exited = undefined
          obj.errors = undefined
          obj.denied = undefined
          obj.opened = undefined
        }

        if (obj.denied != null) {
          obj.exited = undefined
          obj.errors = undefined
          obj.output = undefined
          obj.opened = undefined
        }

        if (obj.opened != null) {
          obj.exited = undefined
          obj.errors = undefined
          obj.output = undefined
          obj.denied = undefined
        }

        if (obj.opened != null) {
          w.uint32(10)
          Opened.codec().encode(obj.opened, w)
        }

        if (obj.denied != null) {
          w.uint32(18)
          Denied.codec().encode(obj.denied, w)
        }

        if (obj.output != null) {
          w.uint32(26)
          w.bytes(obj.output)
        }

        if (obj.errors != null) {
          w.uint32(34)
          w.bytes(obj.errors)
        }

        if (obj.exited != null) {
          w.uint32(42)
          Exited.codec().encode(obj.exited, w)
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
              obj.opened = Opened.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.opened
              })
              break
            }
            case 2: {
              obj.denied = Denied.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.denied
              })
              break
            }
            case 3: {
              obj.output = reader.bytes()
              break
            }
            case 4: {
              obj.errors = reader.bytes()
              break
            }
            case 5: {
              obj.exited = Exited.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.exited
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.exited != null) {
          delete obj.errors
          delete obj.output
          delete obj.denied
          delete obj.opened
        }

        if (obj.errors != null) {
          delete obj.exited
          delete obj.output
          delete obj.denied
          delete obj.opened
        }

        if (obj.output != null) {
          delete obj.exited
          delete obj.errors
          delete obj.denied
          delete obj.opened
        }

        if (obj.denied != null) {
          delete obj.exited
          delete obj.errors
          delete obj.output
          delete obj.opened
        }

        if (obj.opened != null) {
          delete obj.exited
          delete obj.errors
          delete obj.output
          delete obj.denied
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Opened.codec().stream(reader, reader.uint32(), `${prefix}.opened`, {
                limits: opts.limits?.opened
              })

              break
            }
            case 2: {
              yield * Denied.codec().stream(reader, reader.uint32(), `${prefix}.denied`, {
                limits: opts.limits?.denied
              })

              break
            }
            case 3: {
              yield {
                field: `${prefix}.output`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.errors`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield * Exited.codec().stream(reader, reader.uint32(), `${prefix}.exited`, {
                limits: opts.limits?.exited
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

  export interface ExecResponseDeniedReasonFieldEvent {
    field: '$.denied.reason'
    value: string
  }

  export interface ExecResponseDeniedDetailFieldEvent {
    field: '$.denied.detail'
    value: string
  }

  export interface ExecResponseOutputFieldEvent {
    field: '$.output'
    value: Uint8Array
  }

  export interface ExecResponseErrorsFieldEvent {
    field: '$.errors'
    value: Uint8Array
  }

  export interface ExecResponseExitedCodeFieldEvent {
    field: '$.exited.code'
    value: number
  }

  export function encode (obj: Partial<ExecResponse>): Uint8Array {
    return encodeMessage(obj, ExecResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecResponse>): ExecResponse {
    return decodeMessage(buf, ExecResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ExecResponse>): Generator<ExecResponseDeniedReasonFieldEvent | ExecResponseDeniedDetailFieldEvent | ExecResponseOutputFieldEvent | ExecResponseErrorsFieldEvent | ExecResponseExitedCodeFieldEvent> {
    return streamMessage(buf, ExecResponse.codec(), opts)
  }
}

export interface Exited {
  code: number
}

export namespace Exited {
  let _codec: Codec<Exited>

  export const codec = (): Codec<Exited> => {
    if (_codec == null) {
      _codec = message<Exited>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.code != null && obj.code !== 0)) {
          w.uint32(8)
          w.int32(obj.code)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          code: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.code = reader.int32()
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
                field: `${prefix}.code`,
                value: reader.int32()
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

  export interface ExitedCodeFieldEvent {
    field: '$.code'
    value: number
  }

  export function encode (obj: Partial<Exited>): Uint8Array {
    return encodeMessage(obj, Exited.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Exited>): Exited {
    return decodeMessage(buf, Exited.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Exited>): Generator<ExitedCodeFieldEvent> {
    return streamMessage(buf, Exited.codec(), opts)
  }
}
