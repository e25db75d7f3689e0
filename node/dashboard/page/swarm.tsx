import type { NodePanel, OfferLine, PricePoint } from '../view.js'
import { approximate, bytes, duration, short, tokens } from './format.js'
import { WorldMap } from './map.js'
import { Card, Figure, Table } from './parts.js'
import { Plot } from './plot.js'

const SHOWN = 200

export function Swarm({
  node,
  offers,
  prices,
}: {
  node: NodePanel
  offers: readonly OfferLine[]
  prices: readonly PricePoint[]
}) {
  const { chain } = node
  return (
    <>
      <Card title="Health" {...(chain.problem === undefined ? {} : { note: `The chain: ${chain.problem}` })}>
        <dl class="figures">
          <Figure label="Network" value={node.network} />
          <Figure label="Connected peers" value={node.peers} />
          <Figure label="Offers seen" value={offers.length} />
          <Figure label="Up for" value={duration(Date.now() - node.startedAtMs)} />
          <Figure label="Memory of the node" value={bytes(node.memoryBytes)} />
          <Figure label="Chain" value={chain.problem === undefined ? 'answers' : 'silent'} />
        </dl>
        <p class="note">
          Peer <code>{node.peer}</code> at{' '}
          {node.addresses.length === 0 ? 'no address that others could dial' : node.addresses.join(', ')}
        </p>
      </Card>
      <Card title="Map">
        <WorldMap offers={offers} />
      </Card>
      <Card title="Offers by class">
        <Classes offers={offers} decimals={chain.decimals} />
      </Card>
      {prices.length > 1 && (
        <Card
          title="Prices"
          note="Of offers with a free device, tokens for a device-hour, since this node started."
        >
          <Plot
            label="lowest, median and highest price over time"
            isTime
            x={prices.map(({ atMs }) => atMs / 1_000)}
            curves={(['lowest', 'median', 'highest'] as const).map((name) => ({
              name,
              values: prices.map((point) => approximate(point[name], chain.decimals)),
            }))}
          />
        </Card>
      )}
      <Card title="Offers">
        <Table
          caption={offers.length > SHOWN ? `The cheapest ${SHOWN} of ${offers.length}` : 'The cheapest first'}
          rows={offers.slice(0, SHOWN)}
          keyOf={({ peer }) => peer}
          empty="Nothing has been heard yet: heartbeats come within a minute."
          columns={[
            { title: 'Peer', cell: ({ peer }) => <code>{short(peer)}</code> },
            { title: 'Model', cell: ({ model, gpu }) => (gpu ? model : `${model} (software)`) },
            { title: 'Memory', number: true, cell: ({ vramGb }) => `${vramGb} GiB` },
            { title: 'Free', number: true, cell: ({ free, devices }) => `${free} of ${devices}` },
            { title: 'Place', cell: ({ location }) => location },
            {
              title: 'Price',
              number: true,
              cell: ({ pricePerHour }) => tokens(pricePerHour, chain.decimals),
            },
            { title: 'Stake', number: true, cell: ({ stake }) => tokens(stake, chain.decimals) },
            {
              title: 'Round trip',
              number: true,
              cell: ({ latencyMs }) => (latencyMs === undefined ? '' : `${Math.round(latencyMs)} ms`),
            },
          ]}
        />
      </Card>
      <Card title="Topics">
        <Table
          caption="Gossip topics that this node has joined"
          rows={node.topics}
          keyOf={({ name }) => name}
          empty="None: a node joins what it needs, when it needs it."
          columns={[
            { title: 'Topic', cell: ({ name }) => <code>{name}</code> },
            { title: 'Neighbours there', number: true, cell: ({ peers }) => peers },
          ]}
        />
      </Card>
    </>
  )
}

/** Classes by memory, as shards are (protocols/inventory/shard.ts). */
const CLASSES = [4, 8, 12, 16, 24, 48, 80]

function Classes({ offers, decimals }: { offers: readonly OfferLine[]; decimals: number }) {
  const rows = [...CLASSES, Infinity].flatMap((upTo, index) => {
    const from = CLASSES[index - 1] ?? 0
    const of = offers.filter(({ vramGb }) => vramGb > from && vramGb <= upTo)
    if (of.length === 0) return []
    const free = of.reduce((total, each) => total + each.free, 0)
    const devices = of.reduce((total, each) => total + each.devices, 0)
    return [
      { name: upTo === Infinity ? `over ${from} GiB` : `up to ${upTo} GiB`, free, devices, cheapest: of[0]! },
    ]
  })
  return (
    <Table
      caption="By memory of one device"
      rows={rows}
      keyOf={({ name }) => name}
      empty="No offers yet."
      columns={[
        { title: 'Memory', cell: ({ name }) => name },
        { title: 'Free', number: true, cell: ({ free, devices }) => `${free} of ${devices}` },
        { title: 'From', number: true, cell: ({ cheapest }) => tokens(cheapest.pricePerHour, decimals) },
      ]}
    />
  )
}
