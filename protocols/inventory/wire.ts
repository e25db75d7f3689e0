import { writeUint64 } from '../varint.js'
/* eslint-disable require-yield */

import { decodeMessage, encodeMessage, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Requirements {
  devices: number
  memoryBytes: bigint
  gpu: boolean
  models: string[]
  runtime: string
  locations: string[]
  minimumStake: bigint
  minimumGflops: number
  allow: string[]
  deny: string[]
  maxLatencyMs?: number
  minimumReliability?: number
  minimumAttestations?: number
  attesters: string[]
  choices: DeviceChoice[]
  noticeS?: number
}

export namespace Requirements {
  let _codec: Codec<Requirements>

  export const codec = (): Codec<Requirements> => {
    if (_codec == null) {
      _codec = message<Requirements>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.devices != null && obj.devices !== 0)) {
          w.uint32(8)
          w.uint32(obj.devices)
        }

        if ((obj.memoryBytes != null && obj.memoryBytes !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.memoryBytes)
        }

        if ((obj.gpu != null && obj.gpu !== false)) {
          w.uint32(24)
          w.bool(obj.gpu)
        }

        if (obj.models != null && obj.models.length > 0) {
          for (const value of obj.models) {
            w.uint32(34)
            w.string(value)
          }
        }

        if ((obj.runtime != null && obj.runtime !== '')) {
          w.uint32(42)
          w.string(obj.runtime)
        }

        if (obj.locations != null && obj.locations.length > 0) {
          for (const value of obj.locations) {
            w.uint32(50)
            w.string(value)
          }
        }

        if ((obj.minimumStake != null && obj.minimumStake !== 0n)) {
          w.uint32(56)
          writeUint64(w, obj.minimumStake)
        }

        if ((obj.minimumGflops != null && obj.minimumGflops !== 0)) {
          w.uint32(65)
          w.double(obj.minimumGflops)
        }

        if (obj.allow != null && obj.allow.length > 0) {
          for (const value of obj.allow) {
            w.uint32(74)
            w.string(value)
          }
        }

        if (obj.deny != null && obj.deny.length > 0) {
          for (const value of obj.deny) {
            w.uint32(82)
            w.string(value)
          }
        }

        if (obj.maxLatencyMs != null) {
          w.uint32(88)
          w.uint32(obj.maxLatencyMs)
        }

        if (obj.minimumReliability != null) {
          w.uint32(97)
          w.double(obj.minimumReliability)
        }

        if (obj.minimumAttestations != null) {
          w.uint32(104)
          w.uint32(obj.minimumAttestations)
        }

        if (obj.attesters != null && obj.attesters.length > 0) {
          for (const value of obj.attesters) {
            w.uint32(114)
            w.string(value)
          }
        }

        if (obj.choices != null && obj.choices.length > 0) {
          for (const value of obj.choices) {
            w.uint32(122)
            DeviceChoice.codec().encode(value, w)
          }
        }

        if (obj.noticeS != null) {
          w.uint32(320)
          w.uint32(obj.noticeS)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          devices: 0,
          memoryBytes: 0n,
          gpu: false,
          models: [],
          runtime: '',
          locations: [],
          minimumStake: 0n,
          minimumGflops: 0,
          allow: [],
          deny: [],
          attesters: [],
          choices: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.devices = reader.uint32()
              break
            }
            case 2: {
              obj.memoryBytes = reader.uint64()
              break
            }
            case 3: {
              obj.gpu = reader.bool()
              break
            }
            case 4: {
              if (opts.limits?.models != null && obj.models.length === opts.limits.models) {
                throw new MaxLengthError('Decode error - repeated field "models" had too many elements')
              }

              obj.models.push(reader.string())
              break
            }
            case 5: {
              obj.runtime = reader.string()
              break
            }
            case 6: {
              if (opts.limits?.locations != null && obj.locations.length === opts.limits.locations) {
                throw new MaxLengthError('Decode error - repeated field "locations" had too many elements')
              }

              obj.locations.push(reader.string())
              break
            }
            case 7: {
              obj.minimumStake = reader.uint64()
              break
            }
            case 8: {
              obj.minimumGflops = reader.double()
              break
            }
            case 9: {
              if (opts.limits?.allow != null && obj.allow.length === opts.limits.allow) {
                throw new MaxLengthError('Decode error - repeated field "allow" had too many elements')
              }

              obj.allow.push(reader.string())
              break
            }
            case 10: {
              if (opts.limits?.deny != null && obj.deny.length === opts.limits.deny) {
                throw new MaxLengthError('Decode error - repeated field "deny" had too many elements')
              }

              obj.deny.push(reader.string())
              break
            }
            case 11: {
              obj.maxLatencyMs = reader.uint32()
              break
            }
            case 12: {
              obj.minimumReliability = reader.double()
              break
            }
            case 13: {
              obj.minimumAttestations = reader.uint32()
              break
            }
            case 14: {
              if (opts.limits?.attesters != null && obj.attesters.length === opts.limits.attesters) {
                throw new MaxLengthError('Decode error - repeated field "attesters" had too many elements')
              }

              obj.attesters.push(reader.string())
              break
            }
            case 15: {
              if (opts.limits?.choices != null && obj.choices.length === opts.limits.choices) {
                throw new MaxLengthError('Decode error - repeated field "choices" had too many elements')
              }

              obj.choices.push(DeviceChoice.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.choices$
              }))
              break
            }
            case 40: {
              obj.noticeS = reader.uint32()
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
          models: 0,
          locations: 0,
          allow: 0,
          deny: 0,
          attesters: 0,
          choices: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.devices`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.memoryBytes`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.gpu`,
                value: reader.bool()
              }
              break
            }
            case 4: {
              if (opts.limits?.models != null && obj.models === opts.limits.models) {
                throw new MaxLengthError('Streaming decode error - repeated field "models" had too many elements')
              }

              yield {
                field: `${prefix}.models[]`,
                index: obj.models,
                value: reader.string()
              }

              obj.models++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.runtime`,
                value: reader.string()
              }
              break
            }
            case 6: {
              if (opts.limits?.locations != null && obj.locations === opts.limits.locations) {
                throw new MaxLengthError('Streaming decode error - repeated field "locations" had too many elements')
              }

              yield {
                field: `${prefix}.locations[]`,
                index: obj.locations,
                value: reader.string()
              }

              obj.locations++

              break
            }
            case 7: {
              yield {
                field: `${prefix}.minimumStake`,
                value: reader.uint64()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.minimumGflops`,
                value: reader.double()
              }
              break
            }
            case 9: {
              if (opts.limits?.allow != null && obj.allow === opts.limits.allow) {
                throw new MaxLengthError('Streaming decode error - repeated field "allow" had too many elements')
              }

              yield {
                field: `${prefix}.allow[]`,
                index: obj.allow,
                value: reader.string()
              }

              obj.allow++

              break
            }
            case 10: {
              if (opts.limits?.deny != null && obj.deny === opts.limits.deny) {
                throw new MaxLengthError('Streaming decode error - repeated field "deny" had too many elements')
              }

              yield {
                field: `${prefix}.deny[]`,
                index: obj.deny,
                value: reader.string()
              }

              obj.deny++

              break
            }
            case 11: {
              yield {
                field: `${prefix}.maxLatencyMs`,
                value: reader.uint32()
              }
              break
            }
            case 12: {
              yield {
                field: `${prefix}.minimumReliability`,
                value: reader.double()
              }
              break
            }
            case 13: {
              yield {
                field: `${prefix}.minimumAttestations`,
                value: reader.uint32()
              }
              break
            }
            case 14: {
              if (opts.limits?.attesters != null && obj.attesters === opts.limits.attesters) {
                throw new MaxLengthError('Streaming decode error - repeated field "attesters" had too many elements')
              }

              yield {
                field: `${prefix}.attesters[]`,
                index: obj.attesters,
                value: reader.string()
              }

              obj.attesters++

              break
            }
            case 15: {
              if (opts.limits?.choices != null && obj.choices === opts.limits.choices) {
                throw new MaxLengthError('Streaming decode error - repeated field "choices" had too many elements')
              }

              for (const evt of DeviceChoice.codec().stream(reader, reader.uint32(), `${prefix}.choices[]`, {
                limits: opts.limits?.choices$
              })) {
                yield {
                  ...evt,
                  index: obj.choices
                }
              }

              obj.choices++

              break
            }
            case 40: {
              yield {
                field: `${prefix}.noticeS`,
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

  export interface RequirementsDevicesFieldEvent {
    field: '$.devices'
    value: number
  }

  export interface RequirementsMemoryBytesFieldEvent {
    field: '$.memoryBytes'
    value: bigint
  }

  export interface RequirementsGpuFieldEvent {
    field: '$.gpu'
    value: boolean
  }

  export interface RequirementsModelsFieldEvent {
    field: '$.models[]'
    index: number
    value: string
  }

  export interface RequirementsRuntimeFieldEvent {
    field: '$.runtime'
    value: string
  }

  export interface RequirementsLocationsFieldEvent {
    field: '$.locations[]'
    index: number
    value: string
  }

  export interface RequirementsMinimumStakeFieldEvent {
    field: '$.minimumStake'
    value: bigint
  }

  export interface RequirementsMinimumGflopsFieldEvent {
    field: '$.minimumGflops'
    value: number
  }

  export interface RequirementsAllowFieldEvent {
    field: '$.allow[]'
    index: number
    value: string
  }

  export interface RequirementsDenyFieldEvent {
    field: '$.deny[]'
    index: number
    value: string
  }

  export interface RequirementsMaxLatencyMsFieldEvent {
    field: '$.maxLatencyMs'
    value: number
  }

  export interface RequirementsMinimumReliabilityFieldEvent {
    field: '$.minimumReliability'
    value: number
  }

  export interface RequirementsMinimumAttestationsFieldEvent {
    field: '$.minimumAttestations'
    value: number
  }

  export interface RequirementsAttestersFieldEvent {
    field: '$.attesters[]'
    index: number
    value: string
  }

  export interface RequirementsChoicesModelsFieldEvent {
    field: '$.choices[].models[]'
    index: number
    value: string
  }

  export interface RequirementsChoicesMemoryBytesFieldEvent {
    field: '$.choices[].memoryBytes'
    value: bigint
    index: number
  }

  export interface RequirementsNoticeSFieldEvent {
    field: '$.noticeS'
    value: number
  }

  export function encode (obj: Partial<Requirements>): Uint8Array {
    return encodeMessage(obj, Requirements.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Requirements>): Requirements {
    return decodeMessage(buf, Requirements.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Requirements>): Generator<RequirementsDevicesFieldEvent | RequirementsMemoryBytesFieldEvent | RequirementsGpuFieldEvent | RequirementsModelsFieldEvent | RequirementsRuntimeFieldEvent | RequirementsLocationsFieldEvent | RequirementsMinimumStakeFieldEvent | RequirementsMinimumGflopsFieldEvent | RequirementsAllowFieldEvent | RequirementsDenyFieldEvent | RequirementsMaxLatencyMsFieldEvent | RequirementsMinimumReliabilityFieldEvent | RequirementsMinimumAttestationsFieldEvent | RequirementsAttestersFieldEvent | RequirementsChoicesModelsFieldEvent | RequirementsChoicesMemoryBytesFieldEvent | RequirementsNoticeSFieldEvent> {
    return streamMessage(buf, Requirements.codec(), opts)
  }
}

export interface DeviceChoice {
  models: string[]
  memoryBytes: bigint
}

export namespace DeviceChoice {
  let _codec: Codec<DeviceChoice>

  export const codec = (): Codec<DeviceChoice> => {
    if (_codec == null) {
      _codec = message<DeviceChoice>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.models != null && obj.models.length > 0) {
          for (const value of obj.models) {
            w.uint32(10)
            w.string(value)
          }
        }

        if ((obj.memoryBytes != null && obj.memoryBytes !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.memoryBytes)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          models: [],
          memoryBytes: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.models != null && obj.models.length === opts.limits.models) {
                throw new MaxLengthError('Decode error - repeated field "models" had too many elements')
              }

              obj.models.push(reader.string())
              break
            }
            case 2: {
              obj.memoryBytes = reader.uint64()
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
          models: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.models != null && obj.models === opts.limits.models) {
                throw new MaxLengthError('Streaming decode error - repeated field "models" had too many elements')
              }

              yield {
                field: `${prefix}.models[]`,
                index: obj.models,
                value: reader.string()
              }

              obj.models++

              break
            }
            case 2: {
              yield {
                field: `${prefix}.memoryBytes`,
                value: reader.uint64()
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

  export interface DeviceChoiceModelsFieldEvent {
    field: '$.models[]'
    index: number
    value: string
  }

  export interface DeviceChoiceMemoryBytesFieldEvent {
    field: '$.memoryBytes'
    value: bigint
  }

  export function encode (obj: Partial<DeviceChoice>): Uint8Array {
    return encodeMessage(obj, DeviceChoice.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DeviceChoice>): DeviceChoice {
    return decodeMessage(buf, DeviceChoice.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<DeviceChoice>): Generator<DeviceChoiceModelsFieldEvent | DeviceChoiceMemoryBytesFieldEvent> {
    return streamMessage(buf, DeviceChoice.codec(), opts)
  }
}

export interface InventoryRequest {}

export namespace InventoryRequest {
  let _codec: Codec<InventoryRequest>

  export const codec = (): Codec<InventoryRequest> => {
    if (_codec == null) {
      _codec = message<InventoryRequest>((obj, w, opts = {}) => {
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

  export function encode (obj: Partial<InventoryRequest>): Uint8Array {
    return encodeMessage(obj, InventoryRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InventoryRequest>): InventoryRequest {
    return decodeMessage(buf, InventoryRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InventoryRequest>): Generator<{}> {
    return streamMessage(buf, InventoryRequest.codec(), opts)
  }
}

export interface InventoryResponse {
  heartbeat: Uint8Array
  benchmarks: Benchmark[]
  runningJobs: number
  attestations: Uint8Array[]
  roundTrips?: Uint8Array
}

export namespace InventoryResponse {
  let _codec: Codec<InventoryResponse>

  export const codec = (): Codec<InventoryResponse> => {
    if (_codec == null) {
      _codec = message<InventoryResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.heartbeat != null && obj.heartbeat.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.heartbeat)
        }

        if (obj.benchmarks != null && obj.benchmarks.length > 0) {
          for (const value of obj.benchmarks) {
            w.uint32(18)
            Benchmark.codec().encode(value, w)
          }
        }

        if ((obj.runningJobs != null && obj.runningJobs !== 0)) {
          w.uint32(24)
          w.uint32(obj.runningJobs)
        }

        if (obj.attestations != null && obj.attestations.length > 0) {
          for (const value of obj.attestations) {
            w.uint32(34)
            w.bytes(value)
          }
        }

        if (obj.roundTrips != null) {
          w.uint32(42)
          w.bytes(obj.roundTrips)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          heartbeat: uint8ArrayAlloc(0),
          benchmarks: [],
          runningJobs: 0,
          attestations: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.heartbeat = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.benchmarks != null && obj.benchmarks.length === opts.limits.benchmarks) {
                throw new MaxLengthError('Decode error - repeated field "benchmarks" had too many elements')
              }

              obj.benchmarks.push(Benchmark.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.benchmarks$
              }))
              break
            }
            case 3: {
              obj.runningJobs = reader.uint32()
              break
            }
            case 4: {
              if (opts.limits?.attestations != null && obj.attestations.length === opts.limits.attestations) {
                throw new MaxLengthError('Decode error - repeated field "attestations" had too many elements')
              }

              obj.attestations.push(reader.bytes())
              break
            }
            case 5: {
              obj.roundTrips = reader.bytes()
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
          benchmarks: 0,
          attestations: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.heartbeat`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.benchmarks != null && obj.benchmarks === opts.limits.benchmarks) {
                throw new MaxLengthError('Streaming decode error - repeated field "benchmarks" had too many elements')
              }

              for (const evt of Benchmark.codec().stream(reader, reader.uint32(), `${prefix}.benchmarks[]`, {
                limits: opts.limits?.benchmarks$
              })) {
                yield {
                  ...evt,
                  index: obj.benchmarks
                }
              }

              obj.benchmarks++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.runningJobs`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              if (opts.limits?.attestations != null && obj.attestations === opts.limits.attestations) {
                throw new MaxLengthError('Streaming decode error - repeated field "attestations" had too many elements')
              }

              yield {
                field: `${prefix}.attestations[]`,
                index: obj.attestations,
                value: reader.bytes()
              }

              obj.attestations++

              break
            }
            case 5: {
              yield {
                field: `${prefix}.roundTrips`,
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

  export interface InventoryResponseHeartbeatFieldEvent {
    field: '$.heartbeat'
    value: Uint8Array
  }

  export interface InventoryResponseBenchmarksBackendFieldEvent {
    field: '$.benchmarks[].backend'
    value: string
    index: number
  }

  export interface InventoryResponseBenchmarksOkFieldEvent {
    field: '$.benchmarks[].ok'
    value: boolean
    index: number
  }

  export interface InventoryResponseBenchmarksGflopsFieldEvent {
    field: '$.benchmarks[].gflops'
    value: number
    index: number
  }

  export interface InventoryResponseBenchmarksReasonFieldEvent {
    field: '$.benchmarks[].reason'
    value: string
    index: number
  }

  export interface InventoryResponseRunningJobsFieldEvent {
    field: '$.runningJobs'
    value: number
  }

  export interface InventoryResponseAttestationsFieldEvent {
    field: '$.attestations[]'
    index: number
    value: Uint8Array
  }

  export interface InventoryResponseRoundTripsFieldEvent {
    field: '$.roundTrips'
    value: Uint8Array
  }

  export function encode (obj: Partial<InventoryResponse>): Uint8Array {
    return encodeMessage(obj, InventoryResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InventoryResponse>): InventoryResponse {
    return decodeMessage(buf, InventoryResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<InventoryResponse>): Generator<InventoryResponseHeartbeatFieldEvent | InventoryResponseBenchmarksBackendFieldEvent | InventoryResponseBenchmarksOkFieldEvent | InventoryResponseBenchmarksGflopsFieldEvent | InventoryResponseBenchmarksReasonFieldEvent | InventoryResponseRunningJobsFieldEvent | InventoryResponseAttestationsFieldEvent | InventoryResponseRoundTripsFieldEvent> {
    return streamMessage(buf, InventoryResponse.codec(), opts)
  }
}

export interface RoundTrips {
  market: Uint8Array
  timeMs: number
  location: string
  peers: RoundTrip[]
}

export namespace RoundTrips {
  let _codec: Codec<RoundTrips>

  export const codec = (): Codec<RoundTrips> => {
    if (_codec == null) {
      _codec = message<RoundTrips>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(16)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.location != null && obj.location !== '')) {
          w.uint32(26)
          w.string(obj.location)
        }

        if (obj.peers != null && obj.peers.length > 0) {
          for (const value of obj.peers) {
            w.uint32(34)
            RoundTrip.codec().encode(value, w)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          timeMs: 0,
          location: '',
          peers: []
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
              obj.timeMs = reader.uint64Number()
              break
            }
            case 3: {
              obj.location = reader.string()
              break
            }
            case 4: {
              if (opts.limits?.peers != null && obj.peers.length === opts.limits.peers) {
                throw new MaxLengthError('Decode error - repeated field "peers" had too many elements')
              }

              obj.peers.push(RoundTrip.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.peers$
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
          peers: 0
        }

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
                field: `${prefix}.timeMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.location`,
                value: reader.string()
              }
              break
            }
            case 4: {
              if (opts.limits?.peers != null && obj.peers === opts.limits.peers) {
                throw new MaxLengthError('Streaming decode error - repeated field "peers" had too many elements')
              }

              for (const evt of RoundTrip.codec().stream(reader, reader.uint32(), `${prefix}.peers[]`, {
                limits: opts.limits?.peers$
              })) {
                yield {
                  ...evt,
                  index: obj.peers
                }
              }

              obj.peers++

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

  export interface RoundTripsMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface RoundTripsTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface RoundTripsLocationFieldEvent {
    field: '$.location'
    value: string
  }

  export interface RoundTripsPeersPeerFieldEvent {
    field: '$.peers[].peer'
    value: Uint8Array
    index: number
  }

  export interface RoundTripsPeersMsFieldEvent {
    field: '$.peers[].ms'
    value: number
    index: number
  }

  export function encode (obj: Partial<RoundTrips>): Uint8Array {
    return encodeMessage(obj, RoundTrips.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RoundTrips>): RoundTrips {
    return decodeMessage(buf, RoundTrips.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RoundTrips>): Generator<RoundTripsMarketFieldEvent | RoundTripsTimeMsFieldEvent | RoundTripsLocationFieldEvent | RoundTripsPeersPeerFieldEvent | RoundTripsPeersMsFieldEvent> {
    return streamMessage(buf, RoundTrips.codec(), opts)
  }
}

export interface RoundTrip {
  peer: Uint8Array
  ms: number
}

export namespace RoundTrip {
  let _codec: Codec<RoundTrip>

  export const codec = (): Codec<RoundTrip> => {
    if (_codec == null) {
      _codec = message<RoundTrip>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.peer)
        }

        if ((obj.ms != null && obj.ms !== 0)) {
          w.uint32(17)
          w.double(obj.ms)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: uint8ArrayAlloc(0),
          ms: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.bytes()
              break
            }
            case 2: {
              obj.ms = reader.double()
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
                field: `${prefix}.peer`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.ms`,
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

  export interface RoundTripPeerFieldEvent {
    field: '$.peer'
    value: Uint8Array
  }

  export interface RoundTripMsFieldEvent {
    field: '$.ms'
    value: number
  }

  export function encode (obj: Partial<RoundTrip>): Uint8Array {
    return encodeMessage(obj, RoundTrip.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RoundTrip>): RoundTrip {
    return decodeMessage(buf, RoundTrip.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RoundTrip>): Generator<RoundTripPeerFieldEvent | RoundTripMsFieldEvent> {
    return streamMessage(buf, RoundTrip.codec(), opts)
  }
}

export interface Benchmark {
  backend: string
  ok: boolean
  gflops: number
  reason: string
}

export namespace Benchmark {
  let _codec: Codec<Benchmark>

  export const codec = (): Codec<Benchmark> => {
    if (_codec == null) {
      _codec = message<Benchmark>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.backend != null && obj.backend !== '')) {
          w.uint32(10)
          w.string(obj.backend)
        }

        if ((obj.ok != null && obj.ok !== false)) {
          w.uint32(16)
          w.bool(obj.ok)
        }

        if ((obj.gflops != null && obj.gflops !== 0)) {
          w.uint32(25)
          w.double(obj.gflops)
        }

        if ((obj.reason != null && obj.reason !== '')) {
          w.uint32(34)
          w.string(obj.reason)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          backend: '',
          ok: false,
          gflops: 0,
          reason: ''
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.backend = reader.string()
              break
            }
            case 2: {
              obj.ok = reader.bool()
              break
            }
            case 3: {
              obj.gflops = reader.double()
              break
            }
            case 4: {
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
                field: `${prefix}.backend`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.ok`,
                value: reader.bool()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.gflops`,
                value: reader.double()
              }
              break
            }
            case 4: {
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

  export interface BenchmarkBackendFieldEvent {
    field: '$.backend'
    value: string
  }

  export interface BenchmarkOkFieldEvent {
    field: '$.ok'
    value: boolean
  }

  export interface BenchmarkGflopsFieldEvent {
    field: '$.gflops'
    value: number
  }

  export interface BenchmarkReasonFieldEvent {
    field: '$.reason'
    value: string
  }

  export function encode (obj: Partial<Benchmark>): Uint8Array {
    return encodeMessage(obj, Benchmark.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Benchmark>): Benchmark {
    return decodeMessage(buf, Benchmark.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Benchmark>): Generator<BenchmarkBackendFieldEvent | BenchmarkOkFieldEvent | BenchmarkGflopsFieldEvent | BenchmarkReasonFieldEvent> {
    return streamMessage(buf, Benchmark.codec(), opts)
  }
}
