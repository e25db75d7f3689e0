import { yamux } from '@libp2p/yamux'

/** What is reached of a yamux stream; @libp2p/yamux 8 tells the sender of every single frame that it was read. */
interface WindowedStream {
  state: number
  /** Bytes that the other side may have under way, and how many of them it has left. */
  recvWindow: number
  recvWindowCapacity: number
  sendWindowUpdate(): void
}

interface StreamMaker {
  _newStream(...init: unknown[]): WindowedStream
}

/** yamux's `StreamState`: before it the first update carries the flags that open the stream. */
const ESTABLISHED = 3

/**
 * yamux that tells the sender of room only when half of the window is used, as the specification's own implementation does
 * (hashicorp/yamux, `sendWindowUpdate`). A message of gossip then is one frame on the wire, not one each way.
 */
export function thriftyYamux(init: Parameters<typeof yamux>[0]): ReturnType<typeof yamux> {
  const make = yamux(init)
  return () => {
    const factory = make()
    const create = factory.createStreamMuxer.bind(factory)
    factory.createStreamMuxer = (...args) => {
      const muxer = create(...args)
      const maker = muxer as unknown as StreamMaker
      const newStream = maker._newStream.bind(muxer)
      maker._newStream = (...stream) => updateAtHalf(newStream(...stream))
      return muxer
    }
    return factory
  }
}

function updateAtHalf(stream: WindowedStream): WindowedStream {
  const update = stream.sendWindowUpdate.bind(stream)
  stream.sendWindowUpdate = () => {
    const { state, recvWindow, recvWindowCapacity } = stream
    if (state !== ESTABLISHED || recvWindow - recvWindowCapacity >= recvWindow / 2) update()
  }
  return stream
}
