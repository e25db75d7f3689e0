import { type Draw, drawLogNormal } from './draw.js'

export interface Spread {
  /** Copies of a message that a node receives. */
  copies: number
  /** Until half of the nodes, and 99 of 100, have a message, ms. */
  p50Ms: number
  p99Ms: number
}

/** Beyond so many nodes a mesh only gets deeper by a fraction of a hop for each doubling. */
const MOST_NODES = 4_000

/**
 * A mesh of gossip: every node holds `degree` neighbours, and passes on what it hears first to all but whom it came from.
 * Times are of one random mesh and one author, each hop a drawn latency and `hopMs` of work.
 */
export function spread(
  nodes: number,
  parts: { degree: number; latency: { medianMs: number; sigma: number }; hopMs: number; draw: Draw },
): Spread {
  const { degree, latency, hopMs, draw } = parts
  const count = Math.min(nodes, MOST_NODES)
  if (count < 2) return { copies: 0, p50Ms: 0, p99Ms: 0 }
  const links = connect(count, degree, draw)
  const arrival = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  arrival[0] = 0
  let copies = 0
  const queue = createQueue()
  queue.push(0, 0)
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    if (next.at > arrival[next.node]!) continue
    const neighbours = links[next.node]!
    copies += neighbours.size - (next.node === 0 ? 0 : 1)
    for (const neighbour of neighbours) {
      const at = next.at + hopMs + drawLogNormal(latency.medianMs, latency.sigma, draw)
      if (at >= arrival[neighbour]!) continue
      arrival[neighbour] = at
      queue.push(neighbour, at)
    }
  }
  const times = [...arrival].filter(Number.isFinite).sort((a, b) => a - b)
  const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))]!
  return { copies: copies / count, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/** Each node picks half of its neighbours, the others pick it. */
function connect(count: number, degree: number, draw: Draw): Array<Set<number>> {
  const links = Array.from({ length: count }, () => new Set<number>())
  const wanted = Math.min(degree, count - 1) / 2
  for (let node = 0; node < count; node++) {
    for (let tries = 0, made = 0; made < wanted && tries < 50; tries++) {
      const other = (node + 1 + Math.floor(draw() * (count - 1))) % count
      if (other === node || links[node]!.has(other)) continue
      links[node]!.add(other)
      links[other]!.add(node)
      made++
    }
  }
  return links
}

/** A binary heap by time. */
function createQueue() {
  const heap: Array<{ node: number; at: number }> = []
  const swap = (a: number, b: number) => {
    const held = heap[a]!
    heap[a] = heap[b]!
    heap[b] = held
  }
  return {
    push: (node: number, at: number) => {
      heap.push({ node, at })
      for (let child = heap.length - 1; child > 0; ) {
        const parent = (child - 1) >> 1
        if (heap[parent]!.at <= heap[child]!.at) break
        swap(parent, child)
        child = parent
      }
    },
    pop: () => {
      const [first] = heap
      const last = heap.pop()
      if (first === undefined || last === undefined) return undefined
      if (heap.length === 0) return first
      heap[0] = last
      for (let parent = 0; ; ) {
        const left = 2 * parent + 1
        const right = left + 1
        let least = parent
        if (left < heap.length && heap[left]!.at < heap[least]!.at) least = left
        if (right < heap.length && heap[right]!.at < heap[least]!.at) least = right
        if (least === parent) break
        swap(parent, least)
        parent = least
      }
      return first
    },
  }
}
