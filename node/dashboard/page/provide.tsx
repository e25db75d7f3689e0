import type { LeaseLine, NodePanel, PricePanel, ProviderPanel } from '../view.js'
import { Bars } from './bars.js'
import { approximate, bytes, clock, day, duration, short, speed, sum, tokens } from './format.js'
import { Badge, Button, Card, Figure, Table, toneOf } from './parts.js'
import { act, useAnswer } from './store.js'

export function Provide({ node }: { node: NodePanel }) {
  const { provider, chain } = node
  if (provider === undefined) {
    return (
      <Card title="This node offers nothing">
        <p>
          Start it with <code>--provider-enabled true --provider-price-per-hour 0.25</code> to earn with this
          machine. What is missing, <code>nightshift node check</code> says.
        </p>
      </Card>
    )
  }
  return (
    <>
      <State provider={provider} decimals={chain.decimals} />
      <Devices provider={provider} />
      <Price provider={provider} decimals={chain.decimals} />
      <Earnings leases={provider.leases} decimals={chain.decimals} />
      <Leases provider={provider} decimals={chain.decimals} />
    </>
  )
}

function State({ provider, decimals }: { provider: ProviderPanel; decimals: number }) {
  const isPaused = provider.state === 'paused'
  const { counters } = provider
  return (
    <Card title="State" {...(provider.pausedBecause === undefined ? {} : { note: provider.pausedBecause })}>
      <div class="row">
        <Badge text={provider.state} tone={toneOf(provider.state)} />
        {isPaused ? (
          <Button kind="main" onPress={() => act('resume')}>
            Offer my devices again
          </Button>
        ) : (
          <Button onPress={() => act('pause')}>Pause: I want my card back</Button>
        )}
      </div>
      <dl class="figures">
        <Figure label="Stake" value={tokens(provider.stake, decimals)} unit="tokens" />
        <Figure label="Bound by leases" value={tokens(provider.bound, decimals)} unit="tokens" />
        <Figure label="Promised to orders" value={provider.promised} unit="devices" />
        <Figure label="Bids, of them won" value={`${counters.bids}, ${counters.won}`} />
        <Figure label="Proofs made" value={counters.challenges} />
        <Figure label="Vouchers taken" value={counters.vouchers} />
      </dl>
    </Card>
  )
}

function Devices({ provider }: { provider: ProviderPanel }) {
  return (
    <Card title="Devices">
      <Table
        caption="What this node offers"
        rows={provider.devices}
        keyOf={({ model, backend }) => `${model} ${backend}`}
        empty="No device is offered."
        columns={[
          { title: 'Model', cell: ({ model }) => model },
          { title: 'Backend', cell: ({ backend, gpu }) => (gpu ? backend : `${backend}, software`) },
          { title: 'Memory', number: true, cell: ({ memoryBytes }) => bytes(memoryBytes) },
          { title: 'Measured', number: true, cell: ({ gflops }) => speed(gflops) },
          { title: 'Free', number: true, cell: ({ free, count }) => `${free} of ${count}` },
        ]}
      />
      <Table
        caption="Jobs that run now"
        rows={provider.jobs}
        keyOf={({ lease }) => lease}
        empty="No job runs now."
        columns={[
          { title: 'Lease', cell: ({ lease }) => <code>{short(lease)}</code> },
          { title: 'State', cell: ({ state }) => <Badge text={state} tone={toneOf(state)} /> },
          { title: 'Worked', number: true, cell: ({ workedMs }) => duration(workedMs) },
        ]}
      />
    </Card>
  )
}

function Price({ provider, decimals }: { provider: ProviderPanel; decimals: number }) {
  const price = useAnswer<PricePanel>('/dashboard/price', provider.pricePerHour)
  return (
    <Card title="Price">
      <dl class="figures">
        <Figure
          label="Asked now"
          value={tokens(provider.pricePerHour, decimals)}
          unit="tokens an hour and device"
        />
        {price !== undefined && <Figure label="Strategy" value={price.strategy} />}
      </dl>
      {price !== undefined && (
        <ol class="steps">
          {price.why.map(({ what, detail, amount }) => (
            <li key={what}>
              {what}: {detail}
              {amount !== undefined && ` (${tokens(amount, decimals)})`}
            </li>
          ))}
        </ol>
      )}
    </Card>
  )
}

const DAYS = 14
const DAY_MS = 86_400_000

function Earnings({ leases, decimals }: { leases: readonly LeaseLine[]; decimals: number }) {
  const today = new Date().setHours(0, 0, 0, 0)
  const bars = Array.from({ length: DAYS }, (_, index) => {
    const from = today - (DAYS - 1 - index) * DAY_MS
    const of = leases.filter(
      ({ closedAtMs, signedAtMs }) =>
        (closedAtMs ?? signedAtMs) >= from && (closedAtMs ?? signedAtMs) < from + DAY_MS,
    )
    const earned = sum(of.map(({ earned }) => earned))
    return { name: day(from), value: approximate(earned, decimals), text: tokens(earned, decimals) }
  })
  return (
    <Card title="Earnings">
      <Bars label={`Tokens earned by day, the last ${DAYS} days`} bars={bars} />
    </Card>
  )
}

function Leases({ provider, decimals }: { provider: ProviderPanel; decimals: number }) {
  return (
    <Card title="Leases">
      <Table
        caption="Now and before, the newest first"
        rows={provider.leases}
        keyOf={({ lease }) => lease}
        empty="No lease yet. Bids are made by themselves when an order fits."
        columns={[
          { title: 'Signed', cell: ({ signedAtMs }) => `${day(signedAtMs)} ${clock(signedAtMs)}` },
          { title: 'Lease', cell: ({ lease }) => <code>{short(lease)}</code> },
          { title: 'Renter', cell: ({ renter }) => <code>{short(renter)}</code> },
          { title: 'State', cell: ({ state }) => <Badge text={state} tone={toneOf(state)} /> },
          {
            title: 'A device-hour',
            number: true,
            cell: ({ pricePerHour }) => tokens(pricePerHour, decimals),
          },
          { title: 'Earned', number: true, cell: ({ earned }) => tokens(earned, decimals) },
          { title: 'Of at most', number: true, cell: ({ deposit }) => tokens(deposit, decimals) },
          { title: 'Ended by', cell: ({ because }) => because ?? '' },
        ]}
      />
    </Card>
  )
}
