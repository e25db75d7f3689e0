import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { short } from './format.js'
import { Badge } from './parts.js'
import { Provide } from './provide.js'
import { Rent } from './rent.js'
import { type Told, useLive } from './store.js'
import { Swarm } from './swarm.js'

const TABS = ['provide', 'rent', 'swarm'] as const
type Tab = (typeof TABS)[number]
const TITLES: Record<Tab, string> = { provide: 'Provide', rent: 'Rent', swarm: 'Swarm' }

function tabOf(hash: string): Tab | undefined {
  return TABS.find((tab) => `#${tab}` === hash)
}

function Page() {
  const told = useLive()
  const [tab, setTab] = useState<Tab | undefined>(tabOf(location.hash))
  useEffect(() => {
    const follow = () => setTab(tabOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  const { node } = told
  if (node === undefined) return <Waiting told={told} />
  const shown = tab ?? (node.provider === undefined ? 'rent' : 'provide')
  return (
    <>
      <header>
        <h1>Nightshift</h1>
        <p>
          <code title={node.peer}>{short(node.peer)}</code> on {node.network} <Link told={told} />
        </p>
        <nav aria-label="Pages">
          {TABS.map((name) => (
            <a key={name} href={`#${name}`} aria-current={name === shown ? 'page' : undefined}>
              {TITLES[name]}
            </a>
          ))}
        </nav>
      </header>
      <div class="page" id={`${shown}-page`}>
        {shown === 'provide' && <Provide node={node} />}
        {shown === 'rent' && <Rent node={node} jobs={told.jobs ?? []} />}
        {shown === 'swarm' && <Swarm node={node} offers={told.offers ?? []} prices={told.prices ?? []} />}
      </div>
    </>
  )
}

function Link({ told }: { told: Told }) {
  if (told.state === 'live') return <Badge text="live" tone="good" />
  if (told.state === 'closed') return <output class="problem">{CLOSED}</output>
  return (
    <output class="problem">The node does not answer; what is shown is from before. Trying again.</output>
  )
}

const CLOSED =
  'The node was started again and does not know this browser: run “nightshift dashboard” for a new link.'

function Waiting({ told }: { told: Told }) {
  return (
    <p class="waiting">
      {told.state === 'closed'
        ? CLOSED
        : told.state === 'lost'
          ? 'The node does not answer. Trying again.'
          : 'Asking the node …'}
    </p>
  )
}

render(<Page />, document.getElementById('page')!)
