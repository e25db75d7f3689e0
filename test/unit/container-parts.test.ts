import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import type { ContainerInspectInfo } from 'dockerode'
import * as assert from 'uvu/assert'
import { retag } from '../../node/runtime/container/archive.js'
import { confine, findDeviations } from '../../node/runtime/container/confinement.js'
import { bytesIn, watchDisk } from '../../node/runtime/container/disk.js'
import { createGauge } from '../../node/runtime/container/layer.js'
import { createLineWriter } from '../../node/runtime/container/output.js'
import { freedomsIn } from '../../node/runtime/container/process.js'
import { seccompProfile } from '../../node/runtime/container/seccomp.js'
import { checkLimits, parseContainerSpec } from '../../node/runtime/container/spec.js'
import { type NewEntry, readTar, writeTar } from '../../node/runtime/container/tar.js'
import { silentLog } from '../../node/system/log.js'
import { codeOf } from '../../protocols/errors.js'
import { createVirtualClock } from '../support/clock.js'
import { bytesOf } from '../support/engines.js'
import { suite } from '../support/suite.js'

const test = suite('container parts')
const MIB = 2 ** 20

function failureOf(act: () => unknown): { code: string | undefined; message: string } {
  try {
    act()
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message }
  }
  return { code: undefined, message: '' }
}

const UNSAFE = [
  'privileged',
  'volumes',
  'mounts',
  'binds',
  'devices',
  'network',
  'ports',
  'cap_add',
  'user',
  'pid',
]
for (const key of UNSAFE) {
  test(`a job that asks for ${key} is refused, and told why`, () => {
    const { code, message } = failureOf(() => parseContainerSpec({ archive: 'image', [key]: true }))
    assert.is(code, 'JOB_SPEC_INVALID')
    assert.match(message, `${key}: `)
  })
}

const WRONG: ReadonlyArray<[string, Record<string, unknown>, string]> = [
  ['no image at all', {}, 'either `image` or `archive`'],
  ['two images', { archive: 'a', image: `b@sha256:${'0'.repeat(64)}` }, 'either `image` or `archive`'],
  ['an image by its tag', { image: 'alpine:latest' }, 'by digest'],
  ['a size without sense', { archive: 'a', memory: 'much' }, 'memory: a size'],
  ['a long grace', { archive: 'a', grace: '1h' }, 'grace: at most 60s'],
  ['a relative folder', { archive: 'a', directory: 'work' }, 'directory: an absolute path'],
  ['a checkpoint that fills the memory', { archive: 'a', checkpoint: { size: '1Gi' } }, 'at most 256Mi'],
  ['checkpoints without a break', { archive: 'a', checkpoint: { every: '10ms' } }, 'at least 1s'],
]
for (const [title, spec, says] of WRONG) {
  test(`the declaration is refused: ${title}`, () => {
    const { code, message } = failureOf(() => parseContainerSpec(spec))
    assert.is(code, 'JOB_SPEC_INVALID')
    assert.match(message, says)
  })
}

const LIMITS = {
  memoryBytes: 1_024 * MIB,
  cpus: 2,
  processes: 256,
  diskBytes: 2_048 * MIB,
  imageBytes: MIB,
  cacheBytes: 0,
  logLinesPerSecond: 10,
}

test('what is more than the host gives is refused, all of it at once', () => {
  const spec = parseContainerSpec({
    archive: 'a',
    memory: '8Gi',
    cpus: 9,
    processes: 257,
    disk: '3Gi',
    output: '3Gi',
  })
  const { code, message } = failureOf(() => checkLimits(spec, LIMITS))
  assert.is(code, 'LIMIT_EXCEEDED')
  for (const word of ['memory', 'cpus', 'processes', 'disk', 'output']) assert.match(message, word)
  checkLimits(parseContainerSpec({ archive: 'a' }), LIMITS)
})

test('a layer of more files than inodes may be spent on is refused at the first too many', async () => {
  const measure = async (files: number) => {
    const layer = writeTar(async (tar) => {
      for (let at = 0; at < files; at++) await tar.add({ name: `empty-${at}` }, new Uint8Array())
    })
    const gauge = createGauge(64 * MIB, 20)
    for await (const _ of gauge.count(layer));
    return gauge.entries()
  }
  assert.is(await measure(20), 20)
  const refused = await measure(21).catch((error) => error)
  assert.is(codeOf(refused), 'IMAGE_UNUSABLE')
  assert.match(refused.message, 'more than 20 files and folders')
})

const CONFINED = {
  name: 'a',
  image: 'sha256:1',
  volume: 'v',
  labels: {},
  seccomp: '{}',
  gpus: [] as string[],
  engine: 'docker' as const,
}

/** As an engine reads back what it was asked for when it did all of it. */
function madeAsAsked(asked: ReturnType<typeof confine>): ContainerInspectInfo {
  const host = { ...asked.HostConfig, PidMode: '', UTSMode: '', UsernsMode: '', CapAdd: null }
  return {
    Config: { User: asked.User },
    HostConfig: host,
    Mounts: [
      { Type: 'volume', Name: 'v', Source: '/x', Destination: '/job', Mode: 'z', RW: true, Propagation: '' },
    ],
  } as unknown as ContainerInspectInfo
}

test('an engine that did what it was told deviates in nothing', () => {
  const asked = confine(parseContainerSpec({ archive: 'a' }), CONFINED)
  assert.equal(findDeviations(madeAsAsked(asked), asked, 'docker'), [])
})

const DEVIATIONS: ReadonlyArray<[string, Record<string, unknown>]> = [
  ['Privileged', { Privileged: true }],
  ['NetworkMode', { NetworkMode: 'bridge' }],
  ['ReadonlyRootfs', { ReadonlyRootfs: false }],
  ['CapDrop', { CapDrop: [] }],
  ['CapAdd', { CapAdd: ['SYS_ADMIN'] }],
  ['SecurityOpt', { SecurityOpt: ['no-new-privileges'] }],
  ['SecurityOpt', { SecurityOpt: ['no-new-privileges', 'seccomp=unconfined'] }],
  ['SecurityOpt', { SecurityOpt: ['seccomp={}'] }],
  ['PidMode', { PidMode: 'host' }],
  ['IpcMode', { IpcMode: 'host' }],
  ['UTSMode', { UTSMode: 'host' }],
  ['UsernsMode', { UsernsMode: 'host' }],
  ['Memory', { Memory: 0 }],
  ['MemorySwap', { MemorySwap: -1 }],
  ['PidsLimit', { PidsLimit: 0 }],
  ['NanoCpus', { NanoCpus: 0 }],
  ['Tmpfs', { Tmpfs: { '/tmp': 'rw' } }],
]
for (const [what, change] of DEVIATIONS) {
  test(`an engine that leaves out a wall is found out: ${JSON.stringify(change)}`, () => {
    const asked = confine(parseContainerSpec({ archive: 'a' }), CONFINED)
    const made = madeAsAsked(asked)
    const changed = { ...made, HostConfig: { ...made.HostConfig, ...change } }
    const found = findDeviations(changed as ContainerInspectInfo, asked, 'docker')
    assert.ok(found.length > 0 && found.every((line) => line.startsWith(what)), found.join('; '))
  })
}

test('a mount of the host, or a card that was not given, is found out', () => {
  const asked = confine(parseContainerSpec({ archive: 'a' }), CONFINED)
  const made = madeAsAsked(asked)
  const mounted = {
    ...made,
    Mounts: [...made.Mounts, { ...made.Mounts[0]!, Type: 'bind', Destination: '/host' }],
  }
  assert.match(findDeviations(mounted as ContainerInspectInfo, asked, 'docker')[0] ?? '', 'Mounts')
  const spec = parseContainerSpec({ archive: 'a', gpus: 1 })
  for (const engine of ['docker', 'podman'] as const) {
    const wanted = confine(spec, { ...CONFINED, gpus: ['0'], engine })
    const without = { ...madeAsAsked(wanted).HostConfig, DeviceRequests: null, Devices: [] }
    const read = { ...madeAsAsked(wanted), HostConfig: without }
    assert.match(
      findDeviations(read as unknown as ContainerInspectInfo, wanted, engine).join(),
      'GPU devices',
    )
  }
})

const STATUS = `Name:\tsh
Uid:\t65534\t65534\t65534\t65534
NoNewPrivs:\t1
Seccomp:\t2
CapInh:\t0000000000000000
CapPrm:\t0000000000000000
CapEff:\t0000000000000000
CapBnd:\t0000000000000000
CapAmb:\t0000000000000000
`

test('the kernel says which freedoms a process has', () => {
  assert.equal(freedomsIn(STATUS), [])
  assert.match(
    freedomsIn(STATUS.replace('CapBnd:\t0000000000000000', 'CapBnd:\t00000000a80425fb')).join(),
    'CapBnd',
  )
  assert.match(freedomsIn(STATUS.replace('Seccomp:\t2', 'Seccomp:\t0')).join(), 'Seccomp')
  assert.match(freedomsIn(STATUS.replace('NoNewPrivs:\t1', 'NoNewPrivs:\t0')).join(), 'NoNewPrivs')
  assert.match(freedomsIn(STATUS.replace('Uid:\t65534', 'Uid:\t0')).join(), 'Uid')
  assert.ok(freedomsIn('').length > 5, 'what cannot be read is not believed')
})

test('the kernel filter lets no way to more rights through', () => {
  const { defaultAction, syscalls } = seccompProfile() as {
    defaultAction: string
    syscalls: Array<{ names: string[]; action: string; args?: unknown[] }>
  }
  assert.is(defaultAction, 'SCMP_ACT_ERRNO')
  const free = new Set(
    syscalls.filter(({ action, args }) => action === 'SCMP_ACT_ALLOW' && !args).flatMap(({ names }) => names),
  )
  const refused = ['unshare', 'setns', 'mount', 'ptrace', 'bpf', 'clone', 'clone3', 'keyctl', 'init_module']
  for (const name of [
    ...refused,
    'kexec_load',
    'perf_event_open',
    'userfaultfd',
    'io_uring_setup',
    'process_vm_readv',
    'socket',
  ]) {
    assert.not.ok(free.has(name), name)
  }
  for (const name of ['read', 'write', 'openat', 'futex', 'execve', 'mmap', 'statx'])
    assert.ok(free.has(name), name)
})

async function archiveOf(entries: ReadonlyArray<[NewEntry, (string | Uint8Array)?]>): Promise<Uint8Array> {
  return bytesOf(
    writeTar(async (tar) => {
      for (const [header, data] of entries) {
        await tar.add(header, typeof data === 'string' ? new TextEncoder().encode(data) : data)
      }
    }),
  )
}

const MANIFEST = JSON.stringify([{ Config: 'c.json', RepoTags: ['ubuntu:latest'], Layers: ['l.tar'] }])

async function retagged(archive: Uint8Array, maxBytes = MIB): Promise<Map<string, string>> {
  const read = new Map<string, string>()
  const source = (async function* () {
    // In odd pieces, as a connection brings them.
    for (let at = 0; at < archive.length; at += 777) yield archive.subarray(at, at + 777)
  })()
  for await (const { header, data } of readTar(retag(source, 'nightshift.invalid/n:j', maxBytes))) {
    read.set(header.name, (await bytesOf(data)).toString('latin1'))
  }
  return read
}

const LAYER = await archiveOf([[{ name: 'bin/sh' }, 'a shell']])
const LAYER_TEXT = Buffer.from(LAYER).toString('latin1')

test('an image archive loses its own names, and keeps the rest', async () => {
  const archive = await archiveOf([
    [{ name: './l.tar' }, LAYER],
    [{ name: 'repositories' }, '{"ubuntu":{"latest":"x"}}'],
    [{ name: 'oci-layout' }, '{"imageLayoutVersion":"1.0.0"}'],
    [{ name: './index.json' }, '{"manifests":[{"annotations":{"io.containerd.image.name":"ubuntu"}}]}'],
    [{ name: 'manifest.json' }, MANIFEST],
  ])
  const read = await retagged(archive)
  assert.equal([...read.keys()], ['l.tar', 'manifest.json'])
  assert.is(read.get('l.tar'), LAYER_TEXT)
  assert.equal(JSON.parse(read.get('manifest.json')!)[0].RepoTags, ['nightshift.invalid/n:j'])
})

test('what a header of an image archive says besides is not passed on', async () => {
  const pax = { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'manifest.json', uid: '7' } as never
  const archive = await archiveOf([
    [{ name: 'l.tar' }, LAYER],
    [{ name: 'c.json', pax }, '{}'],
    [{ name: 'manifest.json', pax }, MANIFEST],
  ])
  for await (const { header, data } of readTar(retag(Readable.from([archive]), 'n:j', MIB))) {
    await bytesOf(data)
    assert.is(header.pax, null, header.name)
  }
})

test('layers are taken plain, gzip, empty and by a link', async () => {
  const layers = { plain: LAYER, gzip: gzipSync(LAYER), empty: new Uint8Array(1_024) }
  for (const layer of Object.values(layers)) {
    const archive = await archiveOf([
      [{ name: 'a/layer.tar' }, layer],
      [{ name: 'b/layer.tar', type: 'symlink', linkname: '../a/layer.tar' }],
      [{ name: 'manifest.json' }, JSON.stringify([{ Config: 'c', Layers: ['b/layer.tar'] }])],
    ])
    assert.is((await retagged(archive)).get('a/layer.tar'), Buffer.from(layer).toString('latin1'))
  }
})

/** A layer with one entry, whose header `spoil` changes; its sum is put right again. */
async function spoilt(entry: NewEntry, spoil: (header: Buffer) => void = () => {}): Promise<Uint8Array> {
  const layer = Buffer.from(await archiveOf([[entry, 'x']]))
  const header = layer.subarray(0, 512)
  spoil(header)
  header.write('        ', 148)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return layer
}

const SPARSE = await spoilt({ name: 'holes' }, (header) => header.write('S', 156))
const HOLES = await spoilt({ name: 'holes', pax: { 'GNU.sparse.realsize': '9' } as never })
const LONGER = await spoilt({ name: 'x', pax: { size: '1' } as never })
const FOLDER_WITH_DATA = await spoilt({ name: 'x' }, (header) => header.write('5', 156))
const LIKE_BZIP2 = await spoilt({ name: 'BZh9' })
const FOLDERS = await archiveOf(
  Array.from({ length: 300 }, (_, at) => [{ name: `f${at}`, type: 'directory' as const }]),
)
/** As the one layer of an image that is whole otherwise. */
const asLayer = (layer: string | Uint8Array): Array<[NewEntry, (string | Uint8Array)?]> => [
  [{ name: 'l.tar' }, layer],
  [{ name: 'manifest.json' }, MANIFEST],
]

const HOSTILE: ReadonlyArray<[string, ReadonlyArray<[NewEntry, (string | Uint8Array)?]>, string]> = [
  ['a path that leads out', [[{ name: '../../etc/passwd' }, 'x']], 'the path'],
  ['an absolute path', [[{ name: '/etc/passwd' }, 'x']], 'the path'],
  ['a device', [[{ name: 'd', type: 'character-device' }]], 'character-device'],
  ['a hard link', [[{ name: 'd', type: 'link', linkname: 'l.tar' }]], 'link'],
  ['no manifest', [[{ name: 'l.tar' }, 'x']], 'manifest.json'],
  ['a manifest that is no JSON', [[{ name: 'manifest.json' }, 'x']], 'not JSON'],
  ['a manifest of two images', [[{ name: 'manifest.json' }, '[{},{}]']], 'one image'],
  ['more than the limit', [[{ name: 'l.tar' }, new Uint8Array(2 * MIB)]], `more than ${MIB} bytes`],
  ['a bomb', [[{ name: 'l.tar' }, gzipSync(new Uint8Array(64 * MIB))]], `more than ${MIB} bytes`],
  ['two manifests', [...asLayer(LAYER), [{ name: './/manifest.json' }, MANIFEST]], 'two entries'],
  [
    'a name that ends twice',
    [[{ name: 'x', pax: { path: 'manifest.json\0x' } as never }, MANIFEST]],
    'the path',
  ],
  ['a link to the archive itself', [[{ name: 'a', type: 'symlink', linkname: '.' }]], 'the path'],
  ['a link that leads out', [[{ name: 'a', type: 'symlink', linkname: '../b' }]], 'the path'],
  ['a link to this host', [[{ name: 'a', type: 'symlink', linkname: '/etc/passwd' }]], 'a link to'],
  [
    'a path through a link',
    [[{ name: 'a', type: 'symlink', linkname: 'b' }], [{ name: 'a/c' }, 'x']],
    'leads through',
  ],
  [
    'a manifest that is a link',
    [[{ name: 'manifest.json', type: 'symlink', linkname: 'x' }]],
    'no manifest.json',
  ],
  ['too many entries', Array.from({ length: 1_025 }, (_, at) => [{ name: `f${at}` }, '']), 'more than 1024'],
  ['a layer that is not there', [[{ name: 'manifest.json' }, MANIFEST]], 'is no tar'],
  ['a layer that is no tar', asLayer('layer'), 'is no tar'],
  ['a layer in another compression', asLayer(LIKE_BZIP2), 'is no tar'],
  [
    'a compressed layer with something behind',
    asLayer(Buffer.concat([gzipSync(LAYER), new Uint8Array(9)])),
    'after its end',
  ],
  ['a compressed layer that is broken', asLayer(gzipSync(LAYER).subarray(0, 60)), 'a layer'],
  ['a compressed layer that is no tar', asLayer(gzipSync('layer')), 'holds no tar'],
  ['a layer with holes, the old way', asLayer(SPARSE), 'sparse'],
  ['a layer with holes, the new way', asLayer(HOLES), 'GNU.sparse.realsize'],
  ['a layer with a second size', asLayer(LONGER), 'extended header size'],
  ['a layer with a folder that has data', asLayer(FOLDER_WITH_DATA), 'an entry of 1 bytes'],
  ['a layer of empty folders', asLayer(FOLDERS), `more than ${MIB} bytes`],
  ['a layer that ends too early', asLayer(LAYER.subarray(0, 600)), 'a layer'],
]
for (const [title, entries, says] of HOSTILE) {
  test(`an image archive is refused: ${title}`, async () => {
    const archive = await archiveOf(entries)
    try {
      await retagged(archive)
      assert.unreachable('it was taken')
    } catch (error) {
      assert.is(codeOf(error), 'IMAGE_UNUSABLE', String(error))
      assert.match((error as Error).message, says)
    }
  })
}

test('lines are cut from both streams, long ones split, a flood counted', async () => {
  const clock = createVirtualClock()
  const lines: string[] = []
  const writer = createLineWriter({ clock, linesPerSecond: 3, onLine: (line) => lines.push(line) })
  writer.out.emit('data', Buffer.from('one\ntw'))
  writer.out.emit('data', Buffer.from('o\r\n'))
  writer.errors.emit('data', Buffer.from('three\nfour\nfive\n'))
  assert.equal(lines, ['one', 'two', 'three'])
  await clock.advance(1_000)
  writer.out.emit('data', Buffer.from(`${'x'.repeat(5_000)}`))
  assert.is(lines[3], '(2 lines left out: more than 3 a second)')
  assert.is(lines[4]?.length, 4_096)
  writer.errors.emit('data', Buffer.from('the last word'))
  writer.end()
  assert.is(lines.at(-1), 'the last word')
})

test('neither an image nor a job gives itself the cards of the host', () => {
  for (const env of [{}, { NVIDIA_VISIBLE_DEVICES: 'all' }]) {
    const { Env } = confine(parseContainerSpec({ archive: 'a', env }), CONFINED)
    const said = (Env ?? []).filter((line) => line.startsWith('NVIDIA_VISIBLE_DEVICES='))
    assert.equal(said, ['NVIDIA_VISIBLE_DEVICES=void'])
  }
})

test('a job ends before the disk is full, also when its files lie in no folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-disk-'))
  const clock = createVirtualClock()
  const told: string[] = []
  let left = 2 ** 40
  let looks = 0
  const watch = watchDisk({
    engine: {} as never,
    volume: 'v',
    mountpoint: folder,
    maxBytes: MIB,
    clock,
    log: silentLog,
    free: async () => {
      looks++
      return left
    },
    onOver: (detail) => told.push(detail),
  })
  const lookAgain = async () => {
    const before = looks
    while (looks === before) {
      await clock.advance(1_000)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  try {
    await lookAgain()
    await lookAgain()
    assert.equal(told, [])
    left = 2 ** 29
    await lookAgain()
    await lookAgain()
    assert.match(told[0] ?? '', `${left} bytes left`)
  } finally {
    watch.stop()
    rmSync(folder, { recursive: true })
  }
})

test('the disk is measured by its blocks, and no further than needed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nightshift-disk-'))
  try {
    mkdirSync(join(folder, 'a'))
    writeFileSync(join(folder, 'a', 'b'), new Uint8Array(MIB))
    const bytes = await bytesIn(folder, 10 * MIB)
    assert.ok(bytes >= MIB && bytes < 2 * MIB, String(bytes))
    assert.ok((await bytesIn(folder, 1_000)) > 1_000)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test.run()
