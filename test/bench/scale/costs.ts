/**
 * What the simulation takes as given. Measured figures are of the machine that protocols/README.md names (2 cores of an
 * Intel Xeon, Node 20): a simulation must come out the same wherever it is run.
 */
export const COSTS = {
  /**
   * Milliseconds of processor time for a message that a node is delivered: its copies, the check of its signature, its
   * rules, passing it on. Measured: 24 providers, 648 deliveries of an auction, lease included, in 1,205 ms.
   */
  deliveryMs: 1.9,
  /** Bytes around a gossiped message: topic and protobuf tags 60, yamux 12, noise 18, TCP and IP 40. */
  frameBytes: 130,
  /** A message's name in an IHAVE: SHA-256 and a protobuf tag. */
  nameBytes: 34,
  /** An estimate: from the award to the lease on a local chain that is not loaded (proposal, two signatures, transaction). */
  leaseMs: 200,
} as const

/** What is assumed of the world; change it and see. */
export const ASSUMED = {
  /** A device is hired once in so many minutes. */
  jobMinutes: 60,
  /** Share of providers that are free when an order comes. */
  free: 0.5,
  /** One way between two peers, ms: median, and the spread of the logarithm. */
  within: { medianMs: 20, sigma: 0.6 },
  across: { medianMs: 70, sigma: 0.5 },
  /** Share of orders that name a continent. */
  placed: 0.7,
  /** Windows of an auction, ms: the program's defaults. */
  commitMs: 800,
  revealMs: 600,
} as const
