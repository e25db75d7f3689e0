import * as assert from 'uvu/assert'
import { systemClock } from '../../node/system/clock.js'
import { JobState } from '../../protocols/job/wire.js'
import { type Crowd, STAKE_UNITS, startCrowd } from '../support/crowd.js'
import { expectBalancedBooks, expectCleanAudits, expectWholeCapacity } from '../support/crowd-books.js'
import type { CrowdNode } from '../support/crowd-host.js'
import { eventually } from '../support/network.js'
import { suite } from '../support/suite.js'

const test = suite('a crowd that is split')

const PEERS = 12
const SPLIT_MS = 60_000
const SHARD = '0g/EU'

/** Every node of `some` has heard a heartbeat of every node of `others` since it was last told to forget. */
async function hearAll(
  crowd: Crowd,
  some: readonly CrowdNode[],
  others: readonly CrowdNode[],
): Promise<void> {
  await eventually(async () => {
    const views = await crowd.look()
    const heardBy = (name: string) => views.find((view) => view.name === name)?.heard ?? []
    return some.every(({ name, peer }) => {
      const heard = new Set(heardBy(name))
      return others.every((other) => other.peer === peer || heard.has(other.peer))
    })
  })
}

test(
  'a minute apart, both halves go on by themselves; healed, they hear, find and serve one another as before',
  async () => {
    const crowd = await startCrowd({ peers: PEERS, settings: { provider: { heartbeat_ms: 5_000 } } })
    try {
      const left = crowd.nodes.slice(0, PEERS / 2)
      const right = crowd.nodes.slice(PEERS / 2)
      const post = async ({ name }: CrowdNode, providers: readonly CrowdNode[]) => {
        const allow = providers.map(({ peer }) => peer)
        const manifest = crowd.manifest({ placement: { allow }, timeouts: { duration: '1m', queue: '5m' } })
        const { report } = await crowd.host(name).post(name, manifest, 'ended')
        assert.is(report.state, JobState.COMPLETED, `${report.reason} ${report.detail}`)
        assert.ok(allow.includes(report.winner ?? ''), 'by one of those that were allowed')
        return report
      }
      await hearAll(crowd, crowd.nodes, crowd.nodes)

      await crowd.split(left.map(({ name }) => name))
      await crowd.forget()
      const splitAt = systemClock.elapsed()
      const apart = await Promise.all([post(left[0]!, left.slice(1)), post(right[0]!, right.slice(1))])
      await systemClock.sleep(Math.max(0, SPLIT_MS - (systemClock.elapsed() - splitAt)))
      for (const { name, connections, heard } of await crowd.look()) {
        const isLeft = left.some((node) => node.name === name)
        const foreign = (isLeft ? right : left).map(({ peer }) => peer)
        assert.not.ok(
          heard.some((peer) => foreign.includes(peer)),
          `${name} heard the other half`,
        )
        assert.ok(connections > 0, `${name} is alone`)
      }

      await crowd.split([])
      await hearAll(crowd, left, right)
      await hearAll(crowd, right, left)
      const healed = await Promise.all([post(left[1]!, right.slice(1)), post(right[1]!, left.slice(1))])
      for (const { name } of [left[2]!, right[2]!]) {
        await eventually(async () => {
          const members = await crowd.host(name).members(name, SHARD)
          const known = (half: readonly CrowdNode[]) => half.some(({ peer }) => members.includes(peer))
          return known(left) && known(right)
        })
      }
      await expectWholeCapacity(crowd)
      assert.ok((await expectCleanAudits(crowd)) >= 4)
      await expectBalancedBooks(crowd, [...apart, ...healed], STAKE_UNITS)
    } finally {
      await crowd.stop()
    }
  },
  { timeoutMs: 600_000 },
)

test.run()
