import { writeUint64 } from '../varint.js'
import { decodeMessage, encodeMessage, enumeration, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export enum Availability {
  UNKNOWN = 'UNKNOWN',
  FREE = 'FREE',
  BUSY = 'BUSY',
  PAUSED = 'PAUSED'
}

enum __AvailabilityValues {
  UNKNOWN = 0,
  FREE = 1,
  BUSY = 2,
  PAUSED = 3
}

export namespace Availability {
  export const codec = (): Codec<Availability> => {
    return enumeration<Availability>(__AvailabilityValues)
  }
}

export interface Device {
  model: string
  memoryBytes: bigint
  gpu: boolean
  backend: string
  driver: string
  cudaVersion: string
  gflops: number
  count: number
  free: number
}

export namespace Device {
  let _codec: Codec<Device>

  export const codec = (): Codec<Device> => {
    if (_codec == null) {
      _codec = message<Device>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.model != null && obj.model !== '')) {
          w.uint32(10)
          w.string(obj.model)
        }

        if ((obj.memoryBytes != null && obj.memoryBytes !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.memoryBytes)
        }

        if ((obj.gpu != null && obj.gpu !== false)) {
          w.uint32(24)
          w.bool(obj.gpu)
        }

        if ((obj.backend != null && obj.backend !== '')) {
          w.uint32(34)
          w.string(obj.backend)
        }

        if ((obj.driver != null && obj.driver !== '')) {
          w.uint32(42)
          w.string(obj.driver)
        }

        if ((obj.cudaVersion != null && obj.cudaVersion !== '')) {
          w.uint32(50)
          w.string(obj.cudaVersion)
        }

        if ((obj.gflops != null && obj.gflops !== 0)) {
          w.uint32(57)
          w.double(obj.gflops)
        }

        if ((obj.count != null && obj.count !== 0)) {
          w.uint32(64)
          w.uint32(obj.count)
        }

        if ((obj.free != null && obj.free !== 0)) {
          w.uint32(72)
          w.uint32(obj.free)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          model: '',
          memoryBytes: 0n,
          gpu: false,
          backend: '',
          driver: '',
          cudaVersion: '',
          gflops: 0,
          count: 0,
          free: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.model = reader.string()
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
              obj.backend = reader.string()
              break
            }
            case 5: {
              obj.driver = reader.string()
              break
            }
            case 6: {
              obj.cudaVersion = reader.string()
              break
            }
            case 7: {
              obj.gflops = reader.double()
              break
            }
            case 8: {
              obj.count = reader.uint32()
              break
            }
            case 9: {
              obj.free = reader.uint32()
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
                field: `${prefix}.model`,
                value: reader.string()
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
              yield {
                field: `${prefix}.backend`,
                value: reader.string()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.driver`,
                value: reader.string()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.cudaVersion`,
                value: reader.string()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.gflops`,
                value: reader.double()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.count`,
                value: reader.uint32()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.free`,
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

  export interface DeviceModelFieldEvent {
    field: '$.model'
    value: string
  }

  export interface DeviceMemoryBytesFieldEvent {
    field: '$.memoryBytes'
    value: bigint
  }

  export interface DeviceGpuFieldEvent {
    field: '$.gpu'
    value: boolean
  }

  export interface DeviceBackendFieldEvent {
    field: '$.backend'
    value: string
  }

  export interface DeviceDriverFieldEvent {
    field: '$.driver'
    value: string
  }

  export interface DeviceCudaVersionFieldEvent {
    field: '$.cudaVersion'
    value: string
  }

  export interface DeviceGflopsFieldEvent {
    field: '$.gflops'
    value: number
  }

  export interface DeviceCountFieldEvent {
    field: '$.count'
    value: number
  }

  export interface DeviceFreeFieldEvent {
    field: '$.free'
    value: number
  }

  export function encode (obj: Partial<Device>): Uint8Array {
    return encodeMessage(obj, Device.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Device>): Device {
    return decodeMessage(buf, Device.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Device>): Generator<DeviceModelFieldEvent | DeviceMemoryBytesFieldEvent | DeviceGpuFieldEvent | DeviceBackendFieldEvent | DeviceDriverFieldEvent | DeviceCudaVersionFieldEvent | DeviceGflopsFieldEvent | DeviceCountFieldEvent | DeviceFreeFieldEvent> {
    return streamMessage(buf, Device.codec(), opts)
  }
}

export interface Heartbeat {
  market: Uint8Array
  sequence: bigint
  timeMs: number
  availability: Availability
  devices: Device[]
  pricePerHour: bigint
  location: string
  runtimes: string[]
  addresses: string[]
  version: string
  disagreement?: string
  attestations?: number
  attestationsDigest?: Uint8Array
  periodMs?: number
  noticeS?: number
  untilMs?: number
}

export namespace Heartbeat {
  let _codec: Codec<Heartbeat>

  export const codec = (): Codec<Heartbeat> => {
    if (_codec == null) {
      _codec = message<Heartbeat>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.sequence != null && obj.sequence !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.sequence)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.timeMs)
        }

        if (obj.availability != null && __AvailabilityValues[obj.availability] !== 0) {
          w.uint32(32)
          Availability.codec().encode(obj.availability, w)
        }

        if (obj.devices != null && obj.devices.length > 0) {
          for (const value of obj.devices) {
            w.uint32(42)
            Device.codec().encode(value, w)
          }
        }

        if ((obj.pricePerHour != null && obj.pricePerHour !== 0n)) {
          w.uint32(48)
          writeUint64(w, obj.pricePerHour)
        }

        if ((obj.location != null && obj.location !== '')) {
          w.uint32(58)
          w.string(obj.location)
        }

        if (obj.runtimes != null && obj.runtimes.length > 0) {
          for (const value of obj.runtimes) {
            w.uint32(66)
            w.string(value)
          }
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(74)
            w.string(value)
          }
        }

        if ((obj.version != null && obj.version !== '')) {
          w.uint32(82)
          w.string(obj.version)
        }

        if (obj.disagreement != null) {
          w.uint32(90)
          w.string(obj.disagreement)
        }

        if (obj.attestations != null) {
          w.uint32(96)
          w.uint32(obj.attestations)
        }

        if (obj.attestationsDigest != null) {
          w.uint32(106)
          w.bytes(obj.attestationsDigest)
        }

        if (obj.periodMs != null) {
          w.uint32(160)
          w.uint32(obj.periodMs)
        }

        if (obj.noticeS != null) {
          w.uint32(320)
          w.uint32(obj.noticeS)
        }

        if (obj.untilMs != null) {
          w.uint32(328)
          w.uint64Number(obj.untilMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          sequence: 0n,
          timeMs: 0,
          availability: Availability.UNKNOWN,
          devices: [],
          pricePerHour: 0n,
          location: '',
          runtimes: [],
          addresses: [],
          version: ''
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
              obj.sequence = reader.uint64()
              break
            }
            case 3: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.availability = Availability.codec().decode(reader)
              break
            }
            case 5: {
              if (opts.limits?.devices != null && obj.devices.length === opts.limits.devices) {
                throw new MaxLengthError('Decode error - repeated field "devices" had too many elements')
              }

              obj.devices.push(Device.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.devices$
              }))
              break
            }
            case 6: {
              obj.pricePerHour = reader.uint64()
              break
            }
            case 7: {
              obj.location = reader.string()
              break
            }
            case 8: {
              if (opts.limits?.runtimes != null && obj.runtimes.length === opts.limits.runtimes) {
                throw new MaxLengthError('Decode error - repeated field "runtimes" had too many elements')
              }

              obj.runtimes.push(reader.string())
              break
            }
            case 9: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
              break
            }
            case 10: {
              obj.version = reader.string()
              break
            }
            case 11: {
              obj.disagreement = reader.string()
              break
            }
            case 12: {
              obj.attestations = reader.uint32()
              break
            }
            case 13: {
              obj.attestationsDigest = reader.bytes()
              break
            }
            case 20: {
              obj.periodMs = reader.uint32()
              break
            }
            case 40: {
              obj.noticeS = reader.uint32()
              break
            }
            case 41: {
              obj.untilMs = reader.uint64Number()
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
          devices: 0,
          runtimes: 0,
          addresses: 0
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
                field: `${prefix}.sequence`,
                value: reader.uint64()
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
                field: `${prefix}.availability`,
                value: Availability.codec().decode(reader)
              }
              break
            }
            case 5: {
              if (opts.limits?.devices != null && obj.devices === opts.limits.devices) {
                throw new MaxLengthError('Streaming decode error - repeated field "devices" had too many elements')
              }

              for (const evt of Device.codec().stream(reader, reader.uint32(), `${prefix}.devices[]`, {
                limits: opts.limits?.devices$
              })) {
                yield {
                  ...evt,
                  index: obj.devices
                }
              }

              obj.devices++

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
                field: `${prefix}.location`,
                value: reader.string()
              }
              break
            }
            case 8: {
              if (opts.limits?.runtimes != null && obj.runtimes === opts.limits.runtimes) {
                throw new MaxLengthError('Streaming decode error - repeated field "runtimes" had too many elements')
              }

              yield {
                field: `${prefix}.runtimes[]`,
                index: obj.runtimes,
                value: reader.string()
              }

              obj.runtimes++

              break
            }
            case 9: {
              if (opts.limits?.addresses != null && obj.addresses === opts.limits.addresses) {
                throw new MaxLengthError('Streaming decode error - repeated field "addresses" had too many elements')
              }

              yield {
                field: `${prefix}.addresses[]`,
                index: obj.addresses,
                value: reader.string()
              }

              obj.addresses++

              break
            }
            case 10: {
              yield {
                field: `${prefix}.version`,
                value: reader.string()
              }
              break
            }
            case 11: {
              yield {
                field: `${prefix}.disagreement`,
                value: reader.string()
              }
              break
            }
            case 12: {
              yield {
                field: `${prefix}.attestations`,
                value: reader.uint32()
              }
              break
            }
            case 13: {
              yield {
                field: `${prefix}.attestationsDigest`,
                value: reader.bytes()
              }
              break
            }
            case 20: {
              yield {
                field: `${prefix}.periodMs`,
                value: reader.uint32()
              }
              break
            }
            case 40: {
              yield {
                field: `${prefix}.noticeS`,
                value: reader.uint32()
              }
              break
            }
            case 41: {
              yield {
                field: `${prefix}.untilMs`,
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

  export interface HeartbeatMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface HeartbeatSequenceFieldEvent {
    field: '$.sequence'
    value: bigint
  }

  export interface HeartbeatTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface HeartbeatAvailabilityFieldEvent {
    field: '$.availability'
    value: Availability
  }

  export interface HeartbeatDevicesModelFieldEvent {
    field: '$.devices[].model'
    value: string
    index: number
  }

  export interface HeartbeatDevicesMemoryBytesFieldEvent {
    field: '$.devices[].memoryBytes'
    value: bigint
    index: number
  }

  export interface HeartbeatDevicesGpuFieldEvent {
    field: '$.devices[].gpu'
    value: boolean
    index: number
  }

  export interface HeartbeatDevicesBackendFieldEvent {
    field: '$.devices[].backend'
    value: string
    index: number
  }

  export interface HeartbeatDevicesDriverFieldEvent {
    field: '$.devices[].driver'
    value: string
    index: number
  }

  export interface HeartbeatDevicesCudaVersionFieldEvent {
    field: '$.devices[].cudaVersion'
    value: string
    index: number
  }

  export interface HeartbeatDevicesGflopsFieldEvent {
    field: '$.devices[].gflops'
    value: number
    index: number
  }

  export interface HeartbeatDevicesCountFieldEvent {
    field: '$.devices[].count'
    value: number
    index: number
  }

  export interface HeartbeatDevicesFreeFieldEvent {
    field: '$.devices[].free'
    value: number
    index: number
  }

  export interface HeartbeatPricePerHourFieldEvent {
    field: '$.pricePerHour'
    value: bigint
  }

  export interface HeartbeatLocationFieldEvent {
    field: '$.location'
    value: string
  }

  export interface HeartbeatRuntimesFieldEvent {
    field: '$.runtimes[]'
    index: number
    value: string
  }

  export interface HeartbeatAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export interface HeartbeatVersionFieldEvent {
    field: '$.version'
    value: string
  }

  export interface HeartbeatDisagreementFieldEvent {
    field: '$.disagreement'
    value: string
  }

  export interface HeartbeatAttestationsFieldEvent {
    field: '$.attestations'
    value: number
  }

  export interface HeartbeatAttestationsDigestFieldEvent {
    field: '$.attestationsDigest'
    value: Uint8Array
  }

  export interface HeartbeatPeriodMsFieldEvent {
    field: '$.periodMs'
    value: number
  }

  export interface HeartbeatNoticeSFieldEvent {
    field: '$.noticeS'
    value: number
  }

  export interface HeartbeatUntilMsFieldEvent {
    field: '$.untilMs'
    value: number
  }

  export function encode (obj: Partial<Heartbeat>): Uint8Array {
    return encodeMessage(obj, Heartbeat.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Heartbeat>): Heartbeat {
    return decodeMessage(buf, Heartbeat.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Heartbeat>): Generator<HeartbeatMarketFieldEvent | HeartbeatSequenceFieldEvent | HeartbeatTimeMsFieldEvent | HeartbeatAvailabilityFieldEvent | HeartbeatDevicesModelFieldEvent | HeartbeatDevicesMemoryBytesFieldEvent | HeartbeatDevicesGpuFieldEvent | HeartbeatDevicesBackendFieldEvent | HeartbeatDevicesDriverFieldEvent | HeartbeatDevicesCudaVersionFieldEvent | HeartbeatDevicesGflopsFieldEvent | HeartbeatDevicesCountFieldEvent | HeartbeatDevicesFreeFieldEvent | HeartbeatPricePerHourFieldEvent | HeartbeatLocationFieldEvent | HeartbeatRuntimesFieldEvent | HeartbeatAddressesFieldEvent | HeartbeatVersionFieldEvent | HeartbeatDisagreementFieldEvent | HeartbeatAttestationsFieldEvent | HeartbeatAttestationsDigestFieldEvent | HeartbeatPeriodMsFieldEvent | HeartbeatNoticeSFieldEvent | HeartbeatUntilMsFieldEvent> {
    return streamMessage(buf, Heartbeat.codec(), opts)
  }
}

export interface RosterRequest {
  shard: string
  brief: boolean
}

export namespace RosterRequest {
  let _codec: Codec<RosterRequest>

  export const codec = (): Codec<RosterRequest> => {
    if (_codec == null) {
      _codec = message<RosterRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.shard != null && obj.shard !== '')) {
          w.uint32(10)
          w.string(obj.shard)
        }

        if ((obj.brief != null && obj.brief !== false)) {
          w.uint32(16)
          w.bool(obj.brief)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          shard: '',
          brief: false
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.shard = reader.string()
              break
            }
            case 2: {
              obj.brief = reader.bool()
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
                field: `${prefix}.shard`,
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.brief`,
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

  export interface RosterRequestShardFieldEvent {
    field: '$.shard'
    value: string
  }

  export interface RosterRequestBriefFieldEvent {
    field: '$.brief'
    value: boolean
  }

  export function encode (obj: Partial<RosterRequest>): Uint8Array {
    return encodeMessage(obj, RosterRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RosterRequest>): RosterRequest {
    return decodeMessage(buf, RosterRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RosterRequest>): Generator<RosterRequestShardFieldEvent | RosterRequestBriefFieldEvent> {
    return streamMessage(buf, RosterRequest.codec(), opts)
  }
}

export interface RosterResponse {
  shards: string[]
  members: string[]
  heartbeats: Uint8Array[]
  orders: Uint8Array[]
}

export namespace RosterResponse {
  let _codec: Codec<RosterResponse>

  export const codec = (): Codec<RosterResponse> => {
    if (_codec == null) {
      _codec = message<RosterResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if (obj.shards != null && obj.shards.length > 0) {
          for (const value of obj.shards) {
            w.uint32(10)
            w.string(value)
          }
        }

        if (obj.members != null && obj.members.length > 0) {
          for (const value of obj.members) {
            w.uint32(18)
            w.string(value)
          }
        }

        if (obj.heartbeats != null && obj.heartbeats.length > 0) {
          for (const value of obj.heartbeats) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (obj.orders != null && obj.orders.length > 0) {
          for (const value of obj.orders) {
            w.uint32(34)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          shards: [],
          members: [],
          heartbeats: [],
          orders: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.shards != null && obj.shards.length === opts.limits.shards) {
                throw new MaxLengthError('Decode error - repeated field "shards" had too many elements')
              }

              obj.shards.push(reader.string())
              break
            }
            case 2: {
              if (opts.limits?.members != null && obj.members.length === opts.limits.members) {
                throw new MaxLengthError('Decode error - repeated field "members" had too many elements')
              }

              obj.members.push(reader.string())
              break
            }
            case 3: {
              if (opts.limits?.heartbeats != null && obj.heartbeats.length === opts.limits.heartbeats) {
                throw new MaxLengthError('Decode error - repeated field "heartbeats" had too many elements')
              }

              obj.heartbeats.push(reader.bytes())
              break
            }
            case 4: {
              if (opts.limits?.orders != null && obj.orders.length === opts.limits.orders) {
                throw new MaxLengthError('Decode error - repeated field "orders" had too many elements')
              }

              obj.orders.push(reader.bytes())
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
          shards: 0,
          members: 0,
          heartbeats: 0,
          orders: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              if (opts.limits?.shards != null && obj.shards === opts.limits.shards) {
                throw new MaxLengthError('Streaming decode error - repeated field "shards" had too many elements')
              }

              yield {
                field: `${prefix}.shards[]`,
                index: obj.shards,
                value: reader.string()
              }

              obj.shards++

              break
            }
            case 2: {
              if (opts.limits?.members != null && obj.members === opts.limits.members) {
                throw new MaxLengthError('Streaming decode error - repeated field "members" had too many elements')
              }

              yield {
                field: `${prefix}.members[]`,
                index: obj.members,
                value: reader.string()
              }

              obj.members++

              break
            }
            case 3: {
              if (opts.limits?.heartbeats != null && obj.heartbeats === opts.limits.heartbeats) {
                throw new MaxLengthError('Streaming decode error - repeated field "heartbeats" had too many elements')
              }

              yield {
                field: `${prefix}.heartbeats[]`,
                index: obj.heartbeats,
                value: reader.bytes()
              }

              obj.heartbeats++

              break
            }
            case 4: {
              if (opts.limits?.orders != null && obj.orders === opts.limits.orders) {
                throw new MaxLengthError('Streaming decode error - repeated field "orders" had too many elements')
              }

              yield {
                field: `${prefix}.orders[]`,
                index: obj.orders,
                value: reader.bytes()
              }

              obj.orders++

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

  export interface RosterResponseShardsFieldEvent {
    field: '$.shards[]'
    index: number
    value: string
  }

  export interface RosterResponseMembersFieldEvent {
    field: '$.members[]'
    index: number
    value: string
  }

  export interface RosterResponseHeartbeatsFieldEvent {
    field: '$.heartbeats[]'
    index: number
    value: Uint8Array
  }

  export interface RosterResponseOrdersFieldEvent {
    field: '$.orders[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<RosterResponse>): Uint8Array {
    return encodeMessage(obj, RosterResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RosterResponse>): RosterResponse {
    return decodeMessage(buf, RosterResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RosterResponse>): Generator<RosterResponseShardsFieldEvent | RosterResponseMembersFieldEvent | RosterResponseHeartbeatsFieldEvent | RosterResponseOrdersFieldEvent> {
    return streamMessage(buf, RosterResponse.codec(), opts)
  }
}
