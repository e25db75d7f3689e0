import { LOCAL_TOKEN } from '../swarm/genesis.js'
import type { NodePlan } from '../swarm/swarm.js'

/** Who plays, besides the renter: providers with one trait each. */
export interface Actor {
  name: string
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

/** Of the scenario `midnight`: the job begins with the first and is finished by the second. */
export const MIDNIGHT_ACTORS: readonly Actor[] = [
  { name: 'klaus', trait: 'cheapest, until its owner starts a game', price: '0.20', memory: '2Gi' },
  { name: 'nina', trait: 'dearer, and there all night', price: '0.30', memory: '2Gi' },
]

/** The one whose owner comes back, and the one that goes on. */
export const GAMER = 'klaus'
export const HEIR = 'nina'

/** The one that must win, and the one that must not be paid. */
export const WINNER = 'cheap'
export const CHEAT = 'cheat'
export const RENTER = 'renter'

const WALLET_TOKENS = 1_000n * 10n ** BigInt(LOCAL_TOKEN.decimals)
const STAKE = '100'
/** Every processor has it, and it starts in a second; five providers that probe for cards at once take long. */
const BACKEND = 'wasm'

export function planProviders(actors: readonly Actor[], cheatEntry?: string): NodePlan[] {
  return actors.map(({ name, price, memory }) => ({
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
    ...(name === CHEAT && cheatEntry !== undefined ? { entry: cheatEntry } : {}),
  }))
}

export function planRenter(): NodePlan {
  return { name: RENTER, tokens: WALLET_TOKENS, settings: { provider: { backend: BACKEND } } }
}
