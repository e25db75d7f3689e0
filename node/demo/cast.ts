import { LOCAL_TOKEN } from '../swarm/genesis.js'
import type { NodePlan } from '../swarm/swarm.js'

/** Who plays: five providers with one trait each, and the renter. */
export interface Actor {
  name: 'cheat' | 'cheap' | 'dear' | 'small' | 'costly'
  /** What a person is told about it. */
  trait: string
  /** Whole tokens for one device-hour. */
  price: string
  /** A size as in the configuration. */
  memory: string
}

/** The job asks for 512 MiB and pays at most 0.50 an hour (config/examples/digits.yaml). */
export const ACTORS: readonly Actor[] = [
  { name: 'cheat', trait: 'cheapest of all, and lies', price: '0.10', memory: '2Gi' },
  { name: 'cheap', trait: 'honest', price: '0.20', memory: '2Gi' },
  { name: 'dear', trait: 'honest, but dearer', price: '0.30', memory: '2Gi' },
  { name: 'small', trait: 'too little memory for the job', price: '0.15', memory: '256Mi' },
  { name: 'costly', trait: "above the renter's ceiling", price: '0.80', memory: '2Gi' },
]

/** The one that must win, and the one that must not be paid. */
export const WINNER = 'cheap'
export const CHEAT = 'cheat'
export const RENTER = 'renter'

const WALLET_TOKENS = 1_000n * 10n ** BigInt(LOCAL_TOKEN.decimals)
const STAKE = '100'
/** Every processor has it, and it starts in a second; five providers that probe for cards at once take long. */
const BACKEND = 'wasm'

export function planProviders(cheatEntry: string): NodePlan[] {
  return ACTORS.map(({ name, price, memory }) => ({
    name,
    tokens: WALLET_TOKENS,
    settings: {
      provider: {
        enabled: true,
        price_per_hour: price,
        stake: STAKE,
        backend: BACKEND,
        location: 'DE-Berlin',

        software: { memory_bytes: memory },
      },
    },
    ...(name === CHEAT ? { entry: cheatEntry } : {}),
  }))
}

export function planRenter(): NodePlan {
  return { name: RENTER, tokens: WALLET_TOKENS, settings: { provider: { backend: BACKEND } } }
}
