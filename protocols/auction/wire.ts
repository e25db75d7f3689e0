import { writeUint64 } from '../varint.js'
import { decodeMessage, encodeMessage, enumeration, MaxLengthError, message, streamMessage } from 'protons-runtime'
import { alloc as uint8ArrayAlloc } from 'uint8arrays/alloc'
import type { Codec, DecodeOptions } from 'protons-runtime'
import type { Uint8ArrayList } from 'uint8arraylist'

export interface Order {
  market: Uint8Array
  nonce: Uint8Array
  timeMs: number
  requirements: Uint8Array
  ceilingPricePerHour: bigint
  durationS: number
  commitMs: number
  revealMs: number
  pricing: PricingRule
  jobHash: Uint8Array
  sliceMs: number
  wallet: Uint8Array
  addresses: string[]
  scoring?: Scoring
  count?: number
  walletProof?: Uint8Array
  walletUntilMs?: number
  enough?: number
}

export namespace Order {
  let _codec: Codec<Order>

  export const codec = (): Codec<Order> => {
    if (_codec == null) {
      _codec = message<Order>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.market != null && obj.market.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.market)
        }

        if ((obj.nonce != null && obj.nonce.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.nonce)
        }

        if ((obj.timeMs != null && obj.timeMs !== 0)) {
          w.uint32(24)
          w.uint64Number(obj.timeMs)
        }

        if ((obj.requirements != null && obj.requirements.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.requirements)
        }

        if ((obj.ceilingPricePerHour != null && obj.ceilingPricePerHour !== 0n)) {
          w.uint32(40)
          writeUint64(w, obj.ceilingPricePerHour)
        }

        if ((obj.durationS != null && obj.durationS !== 0)) {
          w.uint32(48)
          w.uint32(obj.durationS)
        }

        if ((obj.commitMs != null && obj.commitMs !== 0)) {
          w.uint32(56)
          w.uint32(obj.commitMs)
        }

        if ((obj.revealMs != null && obj.revealMs !== 0)) {
          w.uint32(64)
          w.uint32(obj.revealMs)
        }

        if (obj.pricing != null && __PricingRuleValues[obj.pricing] !== 0) {
          w.uint32(72)
          PricingRule.codec().encode(obj.pricing, w)
        }

        if ((obj.jobHash != null && obj.jobHash.byteLength > 0)) {
          w.uint32(82)
          w.bytes(obj.jobHash)
        }

        if ((obj.sliceMs != null && obj.sliceMs !== 0)) {
          w.uint32(88)
          w.uint32(obj.sliceMs)
        }

        if ((obj.wallet != null && obj.wallet.byteLength > 0)) {
          w.uint32(98)
          w.bytes(obj.wallet)
        }

        if (obj.addresses != null && obj.addresses.length > 0) {
          for (const value of obj.addresses) {
            w.uint32(106)
            w.string(value)
          }
        }

        if (obj.scoring != null) {
          w.uint32(114)
          Scoring.codec().encode(obj.scoring, w)
        }

        if (obj.count != null) {
          w.uint32(120)
          w.uint32(obj.count)
        }

        if (obj.walletProof != null) {
          w.uint32(138)
          w.bytes(obj.walletProof)
        }

        if (obj.walletUntilMs != null) {
          w.uint32(400)
          w.uint64Number(obj.walletUntilMs)
        }

        if (obj.enough != null) {
          w.uint32(128)
          w.uint32(obj.enough)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          nonce: uint8ArrayAlloc(0),
          timeMs: 0,
          requirements: uint8ArrayAlloc(0),
          ceilingPricePerHour: 0n,
          durationS: 0,
          commitMs: 0,
          revealMs: 0,
          pricing: PricingRule.FIRST_PRICE,
          jobHash: uint8ArrayAlloc(0),
          sliceMs: 0,
          wallet: uint8ArrayAlloc(0),
          addresses: []
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
              obj.nonce = reader.bytes()
              break
            }
            case 3: {
              obj.timeMs = reader.uint64Number()
              break
            }
            case 4: {
              obj.requirements = reader.bytes()
              break
            }
            case 5: {
              obj.ceilingPricePerHour = reader.uint64()
              break
            }
            case 6: {
              obj.durationS = reader.uint32()
              break
            }
            case 7: {
              obj.commitMs = reader.uint32()
              break
            }
            case 8: {
              obj.revealMs = reader.uint32()
              break
            }
            case 9: {
              obj.pricing = PricingRule.codec().decode(reader)
              break
            }
            case 10: {
              obj.jobHash = reader.bytes()
              break
            }
            case 11: {
              obj.sliceMs = reader.uint32()
              break
            }
            case 12: {
              obj.wallet = reader.bytes()
              break
            }
            case 13: {
              if (opts.limits?.addresses != null && obj.addresses.length === opts.limits.addresses) {
                throw new MaxLengthError('Decode error - repeated field "addresses" had too many elements')
              }

              obj.addresses.push(reader.string())
              break
            }
            case 14: {
              obj.scoring = Scoring.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.scoring
              })
              break
            }
            case 15: {
              obj.count = reader.uint32()
              break
            }
            case 17: {
              obj.walletProof = reader.bytes()
              break
            }
            case 50: {
              obj.walletUntilMs = reader.uint64Number()
              break
            }
            case 16: {
              obj.enough = reader.uint32()
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
                field: `${prefix}.nonce`,
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
                field: `${prefix}.requirements`,
                value: reader.bytes()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.ceilingPricePerHour`,
                value: reader.uint64()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.durationS`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.commitMs`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.revealMs`,
                value: reader.uint32()
              }
              break
            }
            case 9: {
              yield {
                field: `${prefix}.pricing`,
                value: PricingRule.codec().decode(reader)
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.jobHash`,
                value: reader.bytes()
              }
              break
            }
            case 11: {
              yield {
                field: `${prefix}.sliceMs`,
                value: reader.uint32()
              }
              break
            }
            case 12: {
              yield {
                field: `${prefix}.wallet`,
                value: reader.bytes()
              }
              break
            }
            case 13: {
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
            case 14: {
              yield * Scoring.codec().stream(reader, reader.uint32(), `${prefix}.scoring`, {
                limits: opts.limits?.scoring
              })

              break
            }
            case 15: {
              yield {
                field: `${prefix}.count`,
                value: reader.uint32()
              }
              break
            }
            case 17: {
              yield {
                field: `${prefix}.walletProof`,
                value: reader.bytes()
              }
              break
            }
            case 50: {
              yield {
                field: `${prefix}.walletUntilMs`,
                value: reader.uint64Number()
              }
              break
            }
            case 16: {
              yield {
                field: `${prefix}.enough`,
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

  export interface OrderMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface OrderNonceFieldEvent {
    field: '$.nonce'
    value: Uint8Array
  }

  export interface OrderTimeMsFieldEvent {
    field: '$.timeMs'
    value: number
  }

  export interface OrderRequirementsFieldEvent {
    field: '$.requirements'
    value: Uint8Array
  }

  export interface OrderCeilingPricePerHourFieldEvent {
    field: '$.ceilingPricePerHour'
    value: bigint
  }

  export interface OrderDurationSFieldEvent {
    field: '$.durationS'
    value: number
  }

  export interface OrderCommitMsFieldEvent {
    field: '$.commitMs'
    value: number
  }

  export interface OrderRevealMsFieldEvent {
    field: '$.revealMs'
    value: number
  }

  export interface OrderPricingFieldEvent {
    field: '$.pricing'
    value: PricingRule
  }

  export interface OrderJobHashFieldEvent {
    field: '$.jobHash'
    value: Uint8Array
  }

  export interface OrderSliceMsFieldEvent {
    field: '$.sliceMs'
    value: number
  }

  export interface OrderWalletFieldEvent {
    field: '$.wallet'
    value: Uint8Array
  }

  export interface OrderAddressesFieldEvent {
    field: '$.addresses[]'
    index: number
    value: string
  }

  export interface OrderScoringPriceFieldEvent {
    field: '$.scoring.price'
    value: number
  }

  export interface OrderScoringStakeFieldEvent {
    field: '$.scoring.stake'
    value: number
  }

  export interface OrderScoringReliabilityFieldEvent {
    field: '$.scoring.reliability'
    value: number
  }

  export interface OrderScoringSpeedFieldEvent {
    field: '$.scoring.speed'
    value: number
  }

  export interface OrderScoringLatencyFieldEvent {
    field: '$.scoring.latency'
    value: number
  }

  export interface OrderScoringExplorationFieldEvent {
    field: '$.scoring.exploration'
    value: number
  }

  export interface OrderCountFieldEvent {
    field: '$.count'
    value: number
  }

  export interface OrderWalletProofFieldEvent {
    field: '$.walletProof'
    value: Uint8Array
  }

  export interface OrderWalletUntilMsFieldEvent {
    field: '$.walletUntilMs'
    value: number
  }

  export interface OrderEnoughFieldEvent {
    field: '$.enough'
    value: number
  }

  export function encode (obj: Partial<Order>): Uint8Array {
    return encodeMessage(obj, Order.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Order>): Order {
    return decodeMessage(buf, Order.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Order>): Generator<OrderMarketFieldEvent | OrderNonceFieldEvent | OrderTimeMsFieldEvent | OrderRequirementsFieldEvent | OrderCeilingPricePerHourFieldEvent | OrderDurationSFieldEvent | OrderCommitMsFieldEvent | OrderRevealMsFieldEvent | OrderPricingFieldEvent | OrderJobHashFieldEvent | OrderSliceMsFieldEvent | OrderWalletFieldEvent | OrderAddressesFieldEvent | OrderScoringPriceFieldEvent | OrderScoringStakeFieldEvent | OrderScoringReliabilityFieldEvent | OrderScoringSpeedFieldEvent | OrderScoringLatencyFieldEvent | OrderScoringExplorationFieldEvent | OrderCountFieldEvent | OrderWalletProofFieldEvent | OrderWalletUntilMsFieldEvent | OrderEnoughFieldEvent> {
    return streamMessage(buf, Order.codec(), opts)
  }
}

export interface Scoring {
  price: number
  stake: number
  reliability: number
  speed: number
  latency: number
  exploration: number
}

export namespace Scoring {
  let _codec: Codec<Scoring>

  export const codec = (): Codec<Scoring> => {
    if (_codec == null) {
      _codec = message<Scoring>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.price != null && obj.price !== 0)) {
          w.uint32(8)
          w.uint32(obj.price)
        }

        if ((obj.stake != null && obj.stake !== 0)) {
          w.uint32(16)
          w.uint32(obj.stake)
        }

        if ((obj.reliability != null && obj.reliability !== 0)) {
          w.uint32(24)
          w.uint32(obj.reliability)
        }

        if ((obj.speed != null && obj.speed !== 0)) {
          w.uint32(32)
          w.uint32(obj.speed)
        }

        if ((obj.latency != null && obj.latency !== 0)) {
          w.uint32(40)
          w.uint32(obj.latency)
        }

        if ((obj.exploration != null && obj.exploration !== 0)) {
          w.uint32(48)
          w.uint32(obj.exploration)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          price: 0,
          stake: 0,
          reliability: 0,
          speed: 0,
          latency: 0,
          exploration: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.price = reader.uint32()
              break
            }
            case 2: {
              obj.stake = reader.uint32()
              break
            }
            case 3: {
              obj.reliability = reader.uint32()
              break
            }
            case 4: {
              obj.speed = reader.uint32()
              break
            }
            case 5: {
              obj.latency = reader.uint32()
              break
            }
            case 6: {
              obj.exploration = reader.uint32()
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
                field: `${prefix}.price`,
                value: reader.uint32()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.stake`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.reliability`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.speed`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.latency`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.exploration`,
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

  export interface ScoringPriceFieldEvent {
    field: '$.price'
    value: number
  }

  export interface ScoringStakeFieldEvent {
    field: '$.stake'
    value: number
  }

  export interface ScoringReliabilityFieldEvent {
    field: '$.reliability'
    value: number
  }

  export interface ScoringSpeedFieldEvent {
    field: '$.speed'
    value: number
  }

  export interface ScoringLatencyFieldEvent {
    field: '$.latency'
    value: number
  }

  export interface ScoringExplorationFieldEvent {
    field: '$.exploration'
    value: number
  }

  export function encode (obj: Partial<Scoring>): Uint8Array {
    return encodeMessage(obj, Scoring.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Scoring>): Scoring {
    return decodeMessage(buf, Scoring.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Scoring>): Generator<ScoringPriceFieldEvent | ScoringStakeFieldEvent | ScoringReliabilityFieldEvent | ScoringSpeedFieldEvent | ScoringLatencyFieldEvent | ScoringExplorationFieldEvent> {
    return streamMessage(buf, Scoring.codec(), opts)
  }
}

export enum PricingRule {
  FIRST_PRICE = 'FIRST_PRICE',
  SECOND_PRICE = 'SECOND_PRICE'
}

enum __PricingRuleValues {
  FIRST_PRICE = 0,
  SECOND_PRICE = 1
}

export namespace PricingRule {
  export const codec = (): Codec<PricingRule> => {
    return enumeration<PricingRule>(__PricingRuleValues)
  }
}

export interface Commitment {
  orderId: Uint8Array
  hash: Uint8Array
}

export namespace Commitment {
  let _codec: Codec<Commitment>

  export const codec = (): Codec<Commitment> => {
    if (_codec == null) {
      _codec = message<Commitment>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.orderId != null && obj.orderId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.orderId)
        }

        if ((obj.hash != null && obj.hash.byteLength > 0)) {
          w.uint32(18)
          w.bytes(obj.hash)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          orderId: uint8ArrayAlloc(0),
          hash: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.orderId = reader.bytes()
              break
            }
            case 2: {
              obj.hash = reader.bytes()
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
                field: `${prefix}.orderId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.hash`,
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

  export interface CommitmentOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export interface CommitmentHashFieldEvent {
    field: '$.hash'
    value: Uint8Array
  }

  export function encode (obj: Partial<Commitment>): Uint8Array {
    return encodeMessage(obj, Commitment.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Commitment>): Commitment {
    return decodeMessage(buf, Commitment.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Commitment>): Generator<CommitmentOrderIdFieldEvent | CommitmentHashFieldEvent> {
    return streamMessage(buf, Commitment.codec(), opts)
  }
}

export interface Bid {
  orderId: Uint8Array
  pricePerHour: bigint
  salt: Uint8Array
  payout: Uint8Array
  noticeS?: number
  untilMs?: number
}

export namespace Bid {
  let _codec: Codec<Bid>

  export const codec = (): Codec<Bid> => {
    if (_codec == null) {
      _codec = message<Bid>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.orderId != null && obj.orderId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.orderId)
        }

        if ((obj.pricePerHour != null && obj.pricePerHour !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.pricePerHour)
        }

        if ((obj.salt != null && obj.salt.byteLength > 0)) {
          w.uint32(26)
          w.bytes(obj.salt)
        }

        if ((obj.payout != null && obj.payout.byteLength > 0)) {
          w.uint32(34)
          w.bytes(obj.payout)
        }

        if (obj.noticeS != null) {
          w.uint32(80)
          w.uint32(obj.noticeS)
        }

        if (obj.untilMs != null) {
          w.uint32(88)
          w.uint64Number(obj.untilMs)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          orderId: uint8ArrayAlloc(0),
          pricePerHour: 0n,
          salt: uint8ArrayAlloc(0),
          payout: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.orderId = reader.bytes()
              break
            }
            case 2: {
              obj.pricePerHour = reader.uint64()
              break
            }
            case 3: {
              obj.salt = reader.bytes()
              break
            }
            case 4: {
              obj.payout = reader.bytes()
              break
            }
            case 10: {
              obj.noticeS = reader.uint32()
              break
            }
            case 11: {
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
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.orderId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.pricePerHour`,
                value: reader.uint64()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.salt`,
                value: reader.bytes()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.payout`,
                value: reader.bytes()
              }
              break
            }
            case 10: {
              yield {
                field: `${prefix}.noticeS`,
                value: reader.uint32()
              }
              break
            }
            case 11: {
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

  export interface BidOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export interface BidPricePerHourFieldEvent {
    field: '$.pricePerHour'
    value: bigint
  }

  export interface BidSaltFieldEvent {
    field: '$.salt'
    value: Uint8Array
  }

  export interface BidPayoutFieldEvent {
    field: '$.payout'
    value: Uint8Array
  }

  export interface BidNoticeSFieldEvent {
    field: '$.noticeS'
    value: number
  }

  export interface BidUntilMsFieldEvent {
    field: '$.untilMs'
    value: number
  }

  export function encode (obj: Partial<Bid>): Uint8Array {
    return encodeMessage(obj, Bid.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Bid>): Bid {
    return decodeMessage(buf, Bid.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Bid>): Generator<BidOrderIdFieldEvent | BidPricePerHourFieldEvent | BidSaltFieldEvent | BidPayoutFieldEvent | BidNoticeSFieldEvent | BidUntilMsFieldEvent> {
    return streamMessage(buf, Bid.codec(), opts)
  }
}

export interface Announcement {
  order?: Order
  commitment?: Commitment
  result?: Result
}

export namespace Announcement {
  let _codec: Codec<Announcement>

  export const codec = (): Codec<Announcement> => {
    if (_codec == null) {
      _codec = message<Announcement>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        obj = { ...obj }

        if (obj.result != null) {
          obj.commitment = undefined
          obj.order = undefined
        }

        if (obj.commitment != null) {
          obj.result = undefined
          obj.order = undefined
        }

        if (obj.order != null) {
          obj.result = undefined
          obj.commitment = undefined
        }

        if (obj.order != null) {
          w.uint32(10)
          Order.codec().encode(obj.order, w)
        }

        if (obj.commitment != null) {
          w.uint32(18)
          Commitment.codec().encode(obj.commitment, w)
        }

        if (obj.result != null) {
          w.uint32(26)
          Result.codec().encode(obj.result, w)
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
              obj.order = Order.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.order
              })
              break
            }
            case 2: {
              obj.commitment = Commitment.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.commitment
              })
              break
            }
            case 3: {
              obj.result = Result.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.result
              })
              break
            }
            default: {
              reader.skipType(tag & 7)
              break
            }
          }
        }

        if (obj.result != null) {
          delete obj.commitment
          delete obj.order
        }

        if (obj.commitment != null) {
          delete obj.result
          delete obj.order
        }

        if (obj.order != null) {
          delete obj.result
          delete obj.commitment
        }

        return obj
      }, function * (reader, length, prefix, opts = {}) {
        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield * Order.codec().stream(reader, reader.uint32(), `${prefix}.order`, {
                limits: opts.limits?.order
              })

              break
            }
            case 2: {
              yield * Commitment.codec().stream(reader, reader.uint32(), `${prefix}.commitment`, {
                limits: opts.limits?.commitment
              })

              break
            }
            case 3: {
              yield * Result.codec().stream(reader, reader.uint32(), `${prefix}.result`, {
                limits: opts.limits?.result
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

  export interface AnnouncementOrderMarketFieldEvent {
    field: '$.order.market'
    value: Uint8Array
  }

  export interface AnnouncementOrderNonceFieldEvent {
    field: '$.order.nonce'
    value: Uint8Array
  }

  export interface AnnouncementOrderTimeMsFieldEvent {
    field: '$.order.timeMs'
    value: number
  }

  export interface AnnouncementOrderRequirementsFieldEvent {
    field: '$.order.requirements'
    value: Uint8Array
  }

  export interface AnnouncementOrderCeilingPricePerHourFieldEvent {
    field: '$.order.ceilingPricePerHour'
    value: bigint
  }

  export interface AnnouncementOrderDurationSFieldEvent {
    field: '$.order.durationS'
    value: number
  }

  export interface AnnouncementOrderCommitMsFieldEvent {
    field: '$.order.commitMs'
    value: number
  }

  export interface AnnouncementOrderRevealMsFieldEvent {
    field: '$.order.revealMs'
    value: number
  }

  export interface AnnouncementOrderPricingFieldEvent {
    field: '$.order.pricing'
    value: PricingRule
  }

  export interface AnnouncementOrderJobHashFieldEvent {
    field: '$.order.jobHash'
    value: Uint8Array
  }

  export interface AnnouncementOrderSliceMsFieldEvent {
    field: '$.order.sliceMs'
    value: number
  }

  export interface AnnouncementOrderWalletFieldEvent {
    field: '$.order.wallet'
    value: Uint8Array
  }

  export interface AnnouncementOrderAddressesFieldEvent {
    field: '$.order.addresses[]'
    index: number
    value: string
  }

  export interface AnnouncementOrderScoringPriceFieldEvent {
    field: '$.order.scoring.price'
    value: number
  }

  export interface AnnouncementOrderScoringStakeFieldEvent {
    field: '$.order.scoring.stake'
    value: number
  }

  export interface AnnouncementOrderScoringReliabilityFieldEvent {
    field: '$.order.scoring.reliability'
    value: number
  }

  export interface AnnouncementOrderScoringSpeedFieldEvent {
    field: '$.order.scoring.speed'
    value: number
  }

  export interface AnnouncementOrderScoringLatencyFieldEvent {
    field: '$.order.scoring.latency'
    value: number
  }

  export interface AnnouncementOrderScoringExplorationFieldEvent {
    field: '$.order.scoring.exploration'
    value: number
  }

  export interface AnnouncementOrderCountFieldEvent {
    field: '$.order.count'
    value: number
  }

  export interface AnnouncementOrderWalletProofFieldEvent {
    field: '$.order.walletProof'
    value: Uint8Array
  }

  export interface AnnouncementOrderWalletUntilMsFieldEvent {
    field: '$.order.walletUntilMs'
    value: number
  }

  export interface AnnouncementOrderEnoughFieldEvent {
    field: '$.order.enough'
    value: number
  }

  export interface AnnouncementCommitmentOrderIdFieldEvent {
    field: '$.commitment.orderId'
    value: Uint8Array
  }

  export interface AnnouncementCommitmentHashFieldEvent {
    field: '$.commitment.hash'
    value: Uint8Array
  }

  export interface AnnouncementResultOrderIdFieldEvent {
    field: '$.result.orderId'
    value: Uint8Array
  }

  export interface AnnouncementResultBidsEnvelopeFieldEvent {
    field: '$.result.bids[].envelope'
    value: Uint8Array
    index: number
  }

  export interface AnnouncementResultBidsOutcomeFieldEvent {
    field: '$.result.bids[].outcome'
    value: string
    index: number
  }

  export interface AnnouncementResultBidsStakeFieldEvent {
    field: '$.result.bids[].stake'
    value: bigint
    index: number
  }

  export interface AnnouncementResultBidsReliabilityFieldEvent {
    field: '$.result.bids[].reliability'
    value: number
    index: number
  }

  export interface AnnouncementResultBidsLeasesFieldEvent {
    field: '$.result.bids[].leases'
    value: number
    index: number
  }

  export interface AnnouncementResultBidsGflopsFieldEvent {
    field: '$.result.bids[].gflops'
    value: number
    index: number
  }

  export interface AnnouncementResultBidsLatencyMsFieldEvent {
    field: '$.result.bids[].latencyMs'
    value: number
    index: number
  }

  export interface AnnouncementResultBidsOwnerFieldEvent {
    field: '$.result.bids[].owner'
    value: Uint8Array
    index: number
  }

  export interface AnnouncementResultBidsHostsFieldEvent {
    field: '$.result.bids[].hosts[]'
    index: number
    value: string
  }

  export interface AnnouncementResultWinnerFieldEvent {
    field: '$.result.winner'
    value: string
  }

  export interface AnnouncementResultPricePerHourFieldEvent {
    field: '$.result.pricePerHour'
    value: bigint
  }

  export interface AnnouncementResultRoundFieldEvent {
    field: '$.result.round'
    value: number
  }

  export interface AnnouncementResultWinnersPeerFieldEvent {
    field: '$.result.winners[].peer'
    value: string
    index: number
  }

  export interface AnnouncementResultWinnersPricePerHourFieldEvent {
    field: '$.result.winners[].pricePerHour'
    value: bigint
    index: number
  }

  export interface AnnouncementResultWithheldFieldEvent {
    field: '$.result.withheld[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<Announcement>): Uint8Array {
    return encodeMessage(obj, Announcement.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Announcement>): Announcement {
    return decodeMessage(buf, Announcement.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Announcement>): Generator<AnnouncementOrderMarketFieldEvent | AnnouncementOrderNonceFieldEvent | AnnouncementOrderTimeMsFieldEvent | AnnouncementOrderRequirementsFieldEvent | AnnouncementOrderCeilingPricePerHourFieldEvent | AnnouncementOrderDurationSFieldEvent | AnnouncementOrderCommitMsFieldEvent | AnnouncementOrderRevealMsFieldEvent | AnnouncementOrderPricingFieldEvent | AnnouncementOrderJobHashFieldEvent | AnnouncementOrderSliceMsFieldEvent | AnnouncementOrderWalletFieldEvent | AnnouncementOrderAddressesFieldEvent | AnnouncementOrderScoringPriceFieldEvent | AnnouncementOrderScoringStakeFieldEvent | AnnouncementOrderScoringReliabilityFieldEvent | AnnouncementOrderScoringSpeedFieldEvent | AnnouncementOrderScoringLatencyFieldEvent | AnnouncementOrderScoringExplorationFieldEvent | AnnouncementOrderCountFieldEvent | AnnouncementOrderWalletProofFieldEvent | AnnouncementOrderWalletUntilMsFieldEvent | AnnouncementOrderEnoughFieldEvent | AnnouncementCommitmentOrderIdFieldEvent | AnnouncementCommitmentHashFieldEvent | AnnouncementResultOrderIdFieldEvent | AnnouncementResultBidsEnvelopeFieldEvent | AnnouncementResultBidsOutcomeFieldEvent | AnnouncementResultBidsStakeFieldEvent | AnnouncementResultBidsReliabilityFieldEvent | AnnouncementResultBidsLeasesFieldEvent | AnnouncementResultBidsGflopsFieldEvent | AnnouncementResultBidsLatencyMsFieldEvent | AnnouncementResultBidsOwnerFieldEvent | AnnouncementResultBidsHostsFieldEvent | AnnouncementResultWinnerFieldEvent | AnnouncementResultPricePerHourFieldEvent | AnnouncementResultRoundFieldEvent | AnnouncementResultWinnersPeerFieldEvent | AnnouncementResultWinnersPricePerHourFieldEvent | AnnouncementResultWithheldFieldEvent> {
    return streamMessage(buf, Announcement.codec(), opts)
  }
}

export interface RevealedBid {
  envelope: Uint8Array
  outcome: string
  stake: bigint
  reliability?: number
  leases?: number
  gflops?: number
  latencyMs?: number
  owner: Uint8Array
  hosts: string[]
}

export namespace RevealedBid {
  let _codec: Codec<RevealedBid>

  export const codec = (): Codec<RevealedBid> => {
    if (_codec == null) {
      _codec = message<RevealedBid>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.envelope != null && obj.envelope.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.envelope)
        }

        if ((obj.outcome != null && obj.outcome !== '')) {
          w.uint32(18)
          w.string(obj.outcome)
        }

        if ((obj.stake != null && obj.stake !== 0n)) {
          w.uint32(24)
          writeUint64(w, obj.stake)
        }

        if (obj.reliability != null) {
          w.uint32(32)
          w.uint32(obj.reliability)
        }

        if (obj.leases != null) {
          w.uint32(40)
          w.uint32(obj.leases)
        }

        if (obj.gflops != null) {
          w.uint32(48)
          w.uint32(obj.gflops)
        }

        if (obj.latencyMs != null) {
          w.uint32(56)
          w.uint32(obj.latencyMs)
        }

        if ((obj.owner != null && obj.owner.byteLength > 0)) {
          w.uint32(66)
          w.bytes(obj.owner)
        }

        if (obj.hosts != null && obj.hosts.length > 0) {
          for (const value of obj.hosts) {
            w.uint32(74)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          envelope: uint8ArrayAlloc(0),
          outcome: '',
          stake: 0n,
          owner: uint8ArrayAlloc(0),
          hosts: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.envelope = reader.bytes()
              break
            }
            case 2: {
              obj.outcome = reader.string()
              break
            }
            case 3: {
              obj.stake = reader.uint64()
              break
            }
            case 4: {
              obj.reliability = reader.uint32()
              break
            }
            case 5: {
              obj.leases = reader.uint32()
              break
            }
            case 6: {
              obj.gflops = reader.uint32()
              break
            }
            case 7: {
              obj.latencyMs = reader.uint32()
              break
            }
            case 8: {
              obj.owner = reader.bytes()
              break
            }
            case 9: {
              if (opts.limits?.hosts != null && obj.hosts.length === opts.limits.hosts) {
                throw new MaxLengthError('Decode error - repeated field "hosts" had too many elements')
              }

              obj.hosts.push(reader.string())
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
          hosts: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.envelope`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.outcome`,
                value: reader.string()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.stake`,
                value: reader.uint64()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.reliability`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.leases`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              yield {
                field: `${prefix}.gflops`,
                value: reader.uint32()
              }
              break
            }
            case 7: {
              yield {
                field: `${prefix}.latencyMs`,
                value: reader.uint32()
              }
              break
            }
            case 8: {
              yield {
                field: `${prefix}.owner`,
                value: reader.bytes()
              }
              break
            }
            case 9: {
              if (opts.limits?.hosts != null && obj.hosts === opts.limits.hosts) {
                throw new MaxLengthError('Streaming decode error - repeated field "hosts" had too many elements')
              }

              yield {
                field: `${prefix}.hosts[]`,
                index: obj.hosts,
                value: reader.string()
              }

              obj.hosts++

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

  export interface RevealedBidEnvelopeFieldEvent {
    field: '$.envelope'
    value: Uint8Array
  }

  export interface RevealedBidOutcomeFieldEvent {
    field: '$.outcome'
    value: string
  }

  export interface RevealedBidStakeFieldEvent {
    field: '$.stake'
    value: bigint
  }

  export interface RevealedBidReliabilityFieldEvent {
    field: '$.reliability'
    value: number
  }

  export interface RevealedBidLeasesFieldEvent {
    field: '$.leases'
    value: number
  }

  export interface RevealedBidGflopsFieldEvent {
    field: '$.gflops'
    value: number
  }

  export interface RevealedBidLatencyMsFieldEvent {
    field: '$.latencyMs'
    value: number
  }

  export interface RevealedBidOwnerFieldEvent {
    field: '$.owner'
    value: Uint8Array
  }

  export interface RevealedBidHostsFieldEvent {
    field: '$.hosts[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<RevealedBid>): Uint8Array {
    return encodeMessage(obj, RevealedBid.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealedBid>): RevealedBid {
    return decodeMessage(buf, RevealedBid.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealedBid>): Generator<RevealedBidEnvelopeFieldEvent | RevealedBidOutcomeFieldEvent | RevealedBidStakeFieldEvent | RevealedBidReliabilityFieldEvent | RevealedBidLeasesFieldEvent | RevealedBidGflopsFieldEvent | RevealedBidLatencyMsFieldEvent | RevealedBidOwnerFieldEvent | RevealedBidHostsFieldEvent> {
    return streamMessage(buf, RevealedBid.codec(), opts)
  }
}

export interface Winner {
  peer: string
  pricePerHour: bigint
}

export namespace Winner {
  let _codec: Codec<Winner>

  export const codec = (): Codec<Winner> => {
    if (_codec == null) {
      _codec = message<Winner>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.peer != null && obj.peer !== '')) {
          w.uint32(10)
          w.string(obj.peer)
        }

        if ((obj.pricePerHour != null && obj.pricePerHour !== 0n)) {
          w.uint32(16)
          writeUint64(w, obj.pricePerHour)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          peer: '',
          pricePerHour: 0n
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.peer = reader.string()
              break
            }
            case 2: {
              obj.pricePerHour = reader.uint64()
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
                value: reader.string()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.pricePerHour`,
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

  export interface WinnerPeerFieldEvent {
    field: '$.peer'
    value: string
  }

  export interface WinnerPricePerHourFieldEvent {
    field: '$.pricePerHour'
    value: bigint
  }

  export function encode (obj: Partial<Winner>): Uint8Array {
    return encodeMessage(obj, Winner.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Winner>): Winner {
    return decodeMessage(buf, Winner.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Winner>): Generator<WinnerPeerFieldEvent | WinnerPricePerHourFieldEvent> {
    return streamMessage(buf, Winner.codec(), opts)
  }
}

export interface Result {
  orderId: Uint8Array
  bids: RevealedBid[]
  winner: string
  pricePerHour: bigint
  round: number
  winners: Winner[]
  withheld: string[]
}

export namespace Result {
  let _codec: Codec<Result>

  export const codec = (): Codec<Result> => {
    if (_codec == null) {
      _codec = message<Result>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.orderId != null && obj.orderId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.orderId)
        }

        if (obj.bids != null && obj.bids.length > 0) {
          for (const value of obj.bids) {
            w.uint32(18)
            RevealedBid.codec().encode(value, w)
          }
        }

        if ((obj.winner != null && obj.winner !== '')) {
          w.uint32(26)
          w.string(obj.winner)
        }

        if ((obj.pricePerHour != null && obj.pricePerHour !== 0n)) {
          w.uint32(32)
          writeUint64(w, obj.pricePerHour)
        }

        if ((obj.round != null && obj.round !== 0)) {
          w.uint32(40)
          w.uint32(obj.round)
        }

        if (obj.winners != null && obj.winners.length > 0) {
          for (const value of obj.winners) {
            w.uint32(50)
            Winner.codec().encode(value, w)
          }
        }

        if (obj.withheld != null && obj.withheld.length > 0) {
          for (const value of obj.withheld) {
            w.uint32(58)
            w.string(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          orderId: uint8ArrayAlloc(0),
          bids: [],
          winner: '',
          pricePerHour: 0n,
          round: 0,
          winners: [],
          withheld: []
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.orderId = reader.bytes()
              break
            }
            case 2: {
              if (opts.limits?.bids != null && obj.bids.length === opts.limits.bids) {
                throw new MaxLengthError('Decode error - repeated field "bids" had too many elements')
              }

              obj.bids.push(RevealedBid.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.bids$
              }))
              break
            }
            case 3: {
              obj.winner = reader.string()
              break
            }
            case 4: {
              obj.pricePerHour = reader.uint64()
              break
            }
            case 5: {
              obj.round = reader.uint32()
              break
            }
            case 6: {
              if (opts.limits?.winners != null && obj.winners.length === opts.limits.winners) {
                throw new MaxLengthError('Decode error - repeated field "winners" had too many elements')
              }

              obj.winners.push(Winner.codec().decode(reader, reader.uint32(), {
                limits: opts.limits?.winners$
              }))
              break
            }
            case 7: {
              if (opts.limits?.withheld != null && obj.withheld.length === opts.limits.withheld) {
                throw new MaxLengthError('Decode error - repeated field "withheld" had too many elements')
              }

              obj.withheld.push(reader.string())
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
          bids: 0,
          winners: 0,
          withheld: 0
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              yield {
                field: `${prefix}.orderId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              if (opts.limits?.bids != null && obj.bids === opts.limits.bids) {
                throw new MaxLengthError('Streaming decode error - repeated field "bids" had too many elements')
              }

              for (const evt of RevealedBid.codec().stream(reader, reader.uint32(), `${prefix}.bids[]`, {
                limits: opts.limits?.bids$
              })) {
                yield {
                  ...evt,
                  index: obj.bids
                }
              }

              obj.bids++

              break
            }
            case 3: {
              yield {
                field: `${prefix}.winner`,
                value: reader.string()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.pricePerHour`,
                value: reader.uint64()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.round`,
                value: reader.uint32()
              }
              break
            }
            case 6: {
              if (opts.limits?.winners != null && obj.winners === opts.limits.winners) {
                throw new MaxLengthError('Streaming decode error - repeated field "winners" had too many elements')
              }

              for (const evt of Winner.codec().stream(reader, reader.uint32(), `${prefix}.winners[]`, {
                limits: opts.limits?.winners$
              })) {
                yield {
                  ...evt,
                  index: obj.winners
                }
              }

              obj.winners++

              break
            }
            case 7: {
              if (opts.limits?.withheld != null && obj.withheld === opts.limits.withheld) {
                throw new MaxLengthError('Streaming decode error - repeated field "withheld" had too many elements')
              }

              yield {
                field: `${prefix}.withheld[]`,
                index: obj.withheld,
                value: reader.string()
              }

              obj.withheld++

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

  export interface ResultOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export interface ResultBidsEnvelopeFieldEvent {
    field: '$.bids[].envelope'
    value: Uint8Array
    index: number
  }

  export interface ResultBidsOutcomeFieldEvent {
    field: '$.bids[].outcome'
    value: string
    index: number
  }

  export interface ResultBidsStakeFieldEvent {
    field: '$.bids[].stake'
    value: bigint
    index: number
  }

  export interface ResultBidsReliabilityFieldEvent {
    field: '$.bids[].reliability'
    value: number
    index: number
  }

  export interface ResultBidsLeasesFieldEvent {
    field: '$.bids[].leases'
    value: number
    index: number
  }

  export interface ResultBidsGflopsFieldEvent {
    field: '$.bids[].gflops'
    value: number
    index: number
  }

  export interface ResultBidsLatencyMsFieldEvent {
    field: '$.bids[].latencyMs'
    value: number
    index: number
  }

  export interface ResultBidsOwnerFieldEvent {
    field: '$.bids[].owner'
    value: Uint8Array
    index: number
  }

  export interface ResultBidsHostsFieldEvent {
    field: '$.bids[].hosts[]'
    index: number
    value: string
  }

  export interface ResultWinnerFieldEvent {
    field: '$.winner'
    value: string
  }

  export interface ResultPricePerHourFieldEvent {
    field: '$.pricePerHour'
    value: bigint
  }

  export interface ResultRoundFieldEvent {
    field: '$.round'
    value: number
  }

  export interface ResultWinnersPeerFieldEvent {
    field: '$.winners[].peer'
    value: string
    index: number
  }

  export interface ResultWinnersPricePerHourFieldEvent {
    field: '$.winners[].pricePerHour'
    value: bigint
    index: number
  }

  export interface ResultWithheldFieldEvent {
    field: '$.withheld[]'
    index: number
    value: string
  }

  export function encode (obj: Partial<Result>): Uint8Array {
    return encodeMessage(obj, Result.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Result>): Result {
    return decodeMessage(buf, Result.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<Result>): Generator<ResultOrderIdFieldEvent | ResultBidsEnvelopeFieldEvent | ResultBidsOutcomeFieldEvent | ResultBidsStakeFieldEvent | ResultBidsReliabilityFieldEvent | ResultBidsLeasesFieldEvent | ResultBidsGflopsFieldEvent | ResultBidsLatencyMsFieldEvent | ResultBidsOwnerFieldEvent | ResultBidsHostsFieldEvent | ResultWinnerFieldEvent | ResultPricePerHourFieldEvent | ResultRoundFieldEvent | ResultWinnersPeerFieldEvent | ResultWinnersPricePerHourFieldEvent | ResultWithheldFieldEvent> {
    return streamMessage(buf, Result.codec(), opts)
  }
}

export interface RevealRequest {
  bid: Uint8Array
}

export namespace RevealRequest {
  let _codec: Codec<RevealRequest>

  export const codec = (): Codec<RevealRequest> => {
    if (_codec == null) {
      _codec = message<RevealRequest>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.bid != null && obj.bid.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.bid)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          bid: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.bid = reader.bytes()
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
                field: `${prefix}.bid`,
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

  export interface RevealRequestBidFieldEvent {
    field: '$.bid'
    value: Uint8Array
  }

  export function encode (obj: Partial<RevealRequest>): Uint8Array {
    return encodeMessage(obj, RevealRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealRequest>): RevealRequest {
    return decodeMessage(buf, RevealRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealRequest>): Generator<RevealRequestBidFieldEvent> {
    return streamMessage(buf, RevealRequest.codec(), opts)
  }
}

export interface RevealResponse {
  refused: string
  detail: string
}

export namespace RevealResponse {
  let _codec: Codec<RevealResponse>

  export const codec = (): Codec<RevealResponse> => {
    if (_codec == null) {
      _codec = message<RevealResponse>((obj, w, opts = {}) => {
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

  export interface RevealResponseRefusedFieldEvent {
    field: '$.refused'
    value: string
  }

  export interface RevealResponseDetailFieldEvent {
    field: '$.detail'
    value: string
  }

  export function encode (obj: Partial<RevealResponse>): Uint8Array {
    return encodeMessage(obj, RevealResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealResponse>): RevealResponse {
    return decodeMessage(buf, RevealResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<RevealResponse>): Generator<RevealResponseRefusedFieldEvent | RevealResponseDetailFieldEvent> {
    return streamMessage(buf, RevealResponse.codec(), opts)
  }
}

export interface ResultPart {
  orderId: Uint8Array
  round: number
  part: number
  parts: number
  digest: Uint8Array
  data: Uint8Array
}

export namespace ResultPart {
  let _codec: Codec<ResultPart>

  export const codec = (): Codec<ResultPart> => {
    if (_codec == null) {
      _codec = message<ResultPart>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.orderId != null && obj.orderId.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.orderId)
        }

        if ((obj.round != null && obj.round !== 0)) {
          w.uint32(16)
          w.uint32(obj.round)
        }

        if ((obj.part != null && obj.part !== 0)) {
          w.uint32(24)
          w.uint32(obj.part)
        }

        if ((obj.parts != null && obj.parts !== 0)) {
          w.uint32(32)
          w.uint32(obj.parts)
        }

        if ((obj.digest != null && obj.digest.byteLength > 0)) {
          w.uint32(42)
          w.bytes(obj.digest)
        }

        if ((obj.data != null && obj.data.byteLength > 0)) {
          w.uint32(50)
          w.bytes(obj.data)
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          orderId: uint8ArrayAlloc(0),
          round: 0,
          part: 0,
          parts: 0,
          digest: uint8ArrayAlloc(0),
          data: uint8ArrayAlloc(0)
        }

        const end = length == null ? reader.len : reader.pos + length

        while (reader.pos < end) {
          const tag = reader.uint32()

          switch (tag >>> 3) {
            case 1: {
              obj.orderId = reader.bytes()
              break
            }
            case 2: {
              obj.round = reader.uint32()
              break
            }
            case 3: {
              obj.part = reader.uint32()
              break
            }
            case 4: {
              obj.parts = reader.uint32()
              break
            }
            case 5: {
              obj.digest = reader.bytes()
              break
            }
            case 6: {
              obj.data = reader.bytes()
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
                field: `${prefix}.orderId`,
                value: reader.bytes()
              }
              break
            }
            case 2: {
              yield {
                field: `${prefix}.round`,
                value: reader.uint32()
              }
              break
            }
            case 3: {
              yield {
                field: `${prefix}.part`,
                value: reader.uint32()
              }
              break
            }
            case 4: {
              yield {
                field: `${prefix}.parts`,
                value: reader.uint32()
              }
              break
            }
            case 5: {
              yield {
                field: `${prefix}.digest`,
                value: reader.bytes()
              }
              break
            }
            case 6: {
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

  export interface ResultPartOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export interface ResultPartRoundFieldEvent {
    field: '$.round'
    value: number
  }

  export interface ResultPartPartFieldEvent {
    field: '$.part'
    value: number
  }

  export interface ResultPartPartsFieldEvent {
    field: '$.parts'
    value: number
  }

  export interface ResultPartDigestFieldEvent {
    field: '$.digest'
    value: Uint8Array
  }

  export interface ResultPartDataFieldEvent {
    field: '$.data'
    value: Uint8Array
  }

  export function encode (obj: Partial<ResultPart>): Uint8Array {
    return encodeMessage(obj, ResultPart.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultPart>): ResultPart {
    return decodeMessage(buf, ResultPart.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<ResultPart>): Generator<ResultPartOrderIdFieldEvent | ResultPartRoundFieldEvent | ResultPartPartFieldEvent | ResultPartPartsFieldEvent | ResultPartDigestFieldEvent | ResultPartDataFieldEvent> {
    return streamMessage(buf, ResultPart.codec(), opts)
  }
}

export interface LogRequest {
  market: Uint8Array
  orderId: Uint8Array
}

export namespace LogRequest {
  let _codec: Codec<LogRequest>

  export const codec = (): Codec<LogRequest> => {
    if (_codec == null) {
      _codec = message<LogRequest>((obj, w, opts = {}) => {
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

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          market: uint8ArrayAlloc(0),
          orderId: uint8ArrayAlloc(0)
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

  export interface LogRequestMarketFieldEvent {
    field: '$.market'
    value: Uint8Array
  }

  export interface LogRequestOrderIdFieldEvent {
    field: '$.orderId'
    value: Uint8Array
  }

  export function encode (obj: Partial<LogRequest>): Uint8Array {
    return encodeMessage(obj, LogRequest.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LogRequest>): LogRequest {
    return decodeMessage(buf, LogRequest.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LogRequest>): Generator<LogRequestMarketFieldEvent | LogRequestOrderIdFieldEvent> {
    return streamMessage(buf, LogRequest.codec(), opts)
  }
}

export interface LogResponse {
  order: Uint8Array
  commitments: Uint8Array[]
  results: Uint8Array[]
}

export namespace LogResponse {
  let _codec: Codec<LogResponse>

  export const codec = (): Codec<LogResponse> => {
    if (_codec == null) {
      _codec = message<LogResponse>((obj, w, opts = {}) => {
        if (opts.lengthDelimited !== false) {
          w.fork()
        }

        if ((obj.order != null && obj.order.byteLength > 0)) {
          w.uint32(10)
          w.bytes(obj.order)
        }

        if (obj.commitments != null && obj.commitments.length > 0) {
          for (const value of obj.commitments) {
            w.uint32(18)
            w.bytes(value)
          }
        }

        if (obj.results != null && obj.results.length > 0) {
          for (const value of obj.results) {
            w.uint32(26)
            w.bytes(value)
          }
        }

        if (opts.lengthDelimited !== false) {
          w.ldelim()
        }
      }, (reader, length, opts = {}) => {
        const obj: any = {
          order: uint8ArrayAlloc(0),
          commitments: [],
          results: []
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
              if (opts.limits?.commitments != null && obj.commitments.length === opts.limits.commitments) {
                throw new MaxLengthError('Decode error - repeated field "commitments" had too many elements')
              }

              obj.commitments.push(reader.bytes())
              break
            }
            case 3: {
              if (opts.limits?.results != null && obj.results.length === opts.limits.results) {
                throw new MaxLengthError('Decode error - repeated field "results" had too many elements')
              }

              obj.results.push(reader.bytes())
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
          commitments: 0,
          results: 0
        }

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
              if (opts.limits?.commitments != null && obj.commitments === opts.limits.commitments) {
                throw new MaxLengthError('Streaming decode error - repeated field "commitments" had too many elements')
              }

              yield {
                field: `${prefix}.commitments[]`,
                index: obj.commitments,
                value: reader.bytes()
              }

              obj.commitments++

              break
            }
            case 3: {
              if (opts.limits?.results != null && obj.results === opts.limits.results) {
                throw new MaxLengthError('Streaming decode error - repeated field "results" had too many elements')
              }

              yield {
                field: `${prefix}.results[]`,
                index: obj.results,
                value: reader.bytes()
              }

              obj.results++

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

  export interface LogResponseOrderFieldEvent {
    field: '$.order'
    value: Uint8Array
  }

  export interface LogResponseCommitmentsFieldEvent {
    field: '$.commitments[]'
    index: number
    value: Uint8Array
  }

  export interface LogResponseResultsFieldEvent {
    field: '$.results[]'
    index: number
    value: Uint8Array
  }

  export function encode (obj: Partial<LogResponse>): Uint8Array {
    return encodeMessage(obj, LogResponse.codec())
  }

  export function decode (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LogResponse>): LogResponse {
    return decodeMessage(buf, LogResponse.codec(), opts)
  }

  export function stream (buf: Uint8Array | Uint8ArrayList, opts?: DecodeOptions<LogResponse>): Generator<LogResponseOrderFieldEvent | LogResponseCommitmentsFieldEvent | LogResponseResultsFieldEvent> {
    return streamMessage(buf, LogResponse.codec(), opts)
  }
}
