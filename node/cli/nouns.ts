import { CHAIN } from './chain.js'
import { DASHBOARD } from './dashboard.js'
import { DEMO } from './demo.js'
import { JOB } from './job.js'
import { NODE } from './node.js'
import { OFFERS } from './offers.js'
import { PRICE } from './price.js'
import type { Noun } from './program.js'
import { STAKE } from './stake.js'
import { SWARM } from './swarm.js'
import { VERIFY } from './verify.js'

/** All commands, in the order of the help. */
export const NOUNS: readonly Noun[] = [NODE, OFFERS, VERIFY, JOB, PRICE, STAKE, CHAIN, SWARM, DASHBOARD, DEMO]
