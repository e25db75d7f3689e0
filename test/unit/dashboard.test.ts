import { Readable } from 'node:stream'
import fastify from 'fastify'
import * as assert from 'uvu/assert'
import { createDoor, LINK_MS, SESSION_MS } from '../../node/dashboard/door.js'
import { pointOf } from '../../node/dashboard/live.js'
import type { DashboardNode } from '../../node/dashboard/port.js'
import { addDashboard } from '../../node/dashboard/server.js'
import type { OfferLine } from '../../node/dashboard/view.js'
import { systemRandom } from '../../node/system/random.js'
import { codeOf } from '../../protocols/errors.js'
import { createVirtualClock } from '../support/clock.js'
import { suite } from '../support/suite.js'

const test = suite('dashboard')

const keyIn = (path: string) => new URL(path, 'http://localhost').searchParams.get('key') ?? ''

test('a link lets one browser in, once, and not after two minutes', async () => {
  const clock = createVirtualClock()
  const door = createDoor({ clock, random: systemRandom })
  const key = keyIn(door.invite())
  const session = door.enter(key)
  assert.ok(session)
  assert.is(door.isInside(session), true)
  assert.is(door.enter(key), undefined, 'it was used')
  const late = keyIn(door.invite())
  await clock.advance(LINK_MS + 1)
  assert.is(door.enter(late), undefined, 'it is too old')
  assert.is(door.isInside(undefined), false)
  assert.is(door.isInside(key), false, 'a link is no session')
})

test('a session ends twelve hours after the last look, not after the first', async () => {
  const clock = createVirtualClock()
  const door = createDoor({ clock, random: systemRandom })
  const session = door.enter(keyIn(door.invite()))
  for (let look = 0; look < 3; look++) {
    await clock.advance(SESSION_MS - 1)
    assert.is(door.isInside(session), true)
  }
  await clock.advance(SESSION_MS + 1)
  assert.is(door.isInside(session), false)
})

test('links that nobody uses are limited', () => {
  const door = createDoor({ clock: createVirtualClock(), random: systemRandom })
  for (let index = 0; index < 16; index++) door.invite()
  try {
    door.invite()
    assert.unreachable()
  } catch (error) {
    assert.is(codeOf(error), 'LINKS_TOO_MANY')
  }
})

const offer = (pricePerHour: string, free = 1) => ({ pricePerHour, free }) as OfferLine

test('prices are told of devices that are free, by value and not by text', () => {
  assert.is(pointOf([], 0), undefined)
  assert.is(pointOf([offer('5', 0)], 0), undefined)
  assert.equal(pointOf([offer('1000'), offer('30'), offer('200'), offer('1', 0)], 7), {
    atMs: 7,
    offers: 3,
    lowest: '30',
    median: '200',
    highest: '1000',
  })
})

async function withPages(
  act: (scene: {
    calls: string[]
    invite: () => string
    ask: (path: string, headers?: Record<string, string>, method?: 'GET' | 'POST') => ReturnType<typeof send>
  }) => Promise<void>,
): Promise<void> {
  const clock = createVirtualClock()
  const calls: string[] = []
  const node = {
    offers: async () => [],
    pause: async () => void calls.push('pause'),
    output: async () => ({ name: 'a "b".bin', bytes: 3, content: Readable.from([Buffer.from('abc')]) }),
  } as unknown as DashboardNode
  const door = createDoor({ clock, random: systemRandom })
  const server = fastify()
  server.setErrorHandler((error, _request, reply) => reply.code(401).send({ code: codeOf(error) }))
  addDashboard(server, { node, door, clock })
  try {
    await act({
      calls,
      invite: door.invite,
      ask: (path, headers = {}, method = 'GET') => send(server, path, headers, method),
    })
  } finally {
    await server.close()
  }
}

const HOST = '127.0.0.1:7700'

function send(
  server: ReturnType<typeof fastify>,
  url: string,
  headers: Record<string, string>,
  method: 'GET' | 'POST',
) {
  return server.inject({ method, url, headers: { host: HOST, ...headers } })
}

const cookieOf = (answer: { headers: Record<string, unknown> }) =>
  String(answer.headers['set-cookie']).split(';')[0] ?? ''

test('without a session nothing is shown; a link is exchanged for a cookie that no script and no other site can use', () =>
  withPages(async ({ ask, invite }) => {
    for (const path of ['/dashboard/', '/dashboard/live', '/dashboard/page/main.js', '/dashboard/price']) {
      assert.is((await ask(path)).statusCode, 401, path)
    }
    const entered = await ask(invite())
    assert.is(entered.statusCode, 303)
    assert.is(entered.headers.location, '/dashboard/')
    assert.match(String(entered.headers['set-cookie']), /HttpOnly; SameSite=Strict/)
    const page = await ask('/dashboard/', { cookie: cookieOf(entered) })
    assert.is(page.statusCode, 200)
    assert.match(page.body, '<script type="module" src="/dashboard/page/main.js">')
    assert.match(String(page.headers['content-security-policy']), "default-src 'none'")
    assert.is((await ask('/dashboard/enter?key=00')).statusCode, 403)
  }))

test('every module that the page loads is there, and asked for again it is not sent again', () =>
  withPages(async ({ ask, invite }) => {
    const cookie = cookieOf(await ask(invite()))
    const seen = new Set<string>()
    const waiting = ['/dashboard/page/main.js']
    for (let path = waiting.shift(); path !== undefined; path = waiting.shift()) {
      if (seen.has(path)) continue
      seen.add(path)
      const { statusCode, body, headers } = await ask(path, { cookie })
      assert.is(statusCode, 200, path)
      const again = await ask(path, { cookie, 'if-none-match': String(headers.etag) })
      assert.is(again.statusCode, 304)
      for (const [, name = ''] of body.matchAll(/from ['"](\.\/[^'"]+)['"]/g)) {
        waiting.push(new URL(name, `http://localhost${path}`).pathname)
      }
    }
    assert.ok(seen.size >= 10, [...seen].join(' '))
  }))

test('what changes anything must come from the page itself', () =>
  withPages(async ({ ask, invite, calls }) => {
    const cookie = cookieOf(await ask(invite()))
    for (const origin of ['http://evil.example', 'null', `https://${HOST}`, '']) {
      const answer = await ask('/dashboard/pause', { cookie, ...(origin && { origin }) }, 'POST')
      assert.is(answer.statusCode, 401, origin)
    }
    assert.equal(calls, [])
    const answer = await ask('/dashboard/pause', { cookie, origin: `http://${HOST}` }, 'POST')
    assert.is(answer.statusCode, 200)
    assert.equal(calls, ['pause'])
  }))

test('a result is downloaded under its name, whatever is in it', () =>
  withPages(async ({ ask, invite }) => {
    const cookie = cookieOf(await ask(invite()))
    const { body, headers } = await ask('/dashboard/jobs/1/outputs/0', { cookie })
    assert.is(body, 'abc')
    assert.is(headers['content-disposition'], "attachment; filename*=UTF-8''a%20%22b%22.bin")
  }))

test.run()
