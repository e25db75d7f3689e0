import fc from 'fast-check'
import * as assert from 'uvu/assert'
import type { Finding } from '../../config/finding.js'
import { type ConfigSources, loadConfig } from '../../config/load.js'
import { OPTIONS } from '../../config/options.js'
import { readPresetText } from '../../config/preset.js'
import { PRESETS } from '../../config/schema.js'
import { requireStartable } from '../../config/start.js'
import { NightshiftError } from '../../protocols/errors.js'
import { suite } from '../support/suite.js'

const test = suite('the loader of the configuration')
const HOME = { HOME: '/home/klaus' }
const PEER = '/ip4/203.0.113.7/tcp/4771/p2p/12D3KooWGRUfdnyPnhPeuHV3t8bVSXpjzjmHPBXhQoEhhLsKyuTp'

function load(sources: ConfigSources = {}) {
  return loadConfig({ ...sources, environment: { ...HOME, ...sources.environment } })
}

function findingsOf(sources: ConfigSources): Finding[] {
  try {
    load(sources)
  } catch (error) {
    assert.instance(error, NightshiftError)
    assert.is((error as NightshiftError).code, 'CONFIG_INVALID')
    return (error as NightshiftError).context.findings as Finding[]
  }
  throw new Error('the configuration was taken')
}

test('without any source there is a complete configuration for the local network', () => {
  const { config, origins } = load()
  assert.is(config.preset, 'localnet')
  assert.is(config.chain.rpcUrl, 'http://127.0.0.1:8899')
  assert.is(config.renter.sliceMs, 1000)
  assert.is(config.chain.walletFile, '/home/klaus/.nightshift/localnet/wallet.json')
  assert.is(config.chain.market, undefined)
  assert.is(origins['renter.slice_ms'], 'preset localnet')
  assert.is(origins['control.port'], 'default')
})

test('each preset is valid and names its network', () => {
  for (const name of PRESETS) {
    const { config } = load({ flags: { preset: name } })
    assert.is(config.network.name, name)
    assert.ok(readPresetText(name).startsWith('{'), 'presets are plain JSON')
    assert.not.throws(() => JSON.parse(readPresetText(name)))
  }
  const { config } = load({ flags: { preset: 'testnet' } })
  assert.is(config.provider.heartbeatMs, 60_000)
  assert.is(config.renter.sliceMs, 10_000)
  assert.is(config.network.privateAddresses, false)
})

test('a preset may be named in the file, and what the file says stands above it', () => {
  const text = '{ "preset": "testnet", "renter": { "slice_ms": 5000 } }'
  const { config, origins } = load({ file: { path: '/etc/nightshift.json', text } })
  assert.is(config.network.name, 'testnet')
  assert.is(config.renter.sliceMs, 5000)
  assert.is(origins['renter.slice_ms'], '/etc/nightshift.json')
  assert.is(origins['renter.commit_ms'], 'preset testnet')
})

test('a file may be YAML as well, and an empty one sets nothing', () => {
  const yaml = 'preset: testnet\nprovider:\n  price_per_hour: 0.10\n  software: { memory_bytes: 2Gi }\n'
  const { config } = load({ file: { path: 'a.yaml', text: yaml } })
  assert.is(config.provider.pricePerHour, '0.10')
  assert.is(config.provider.software.memoryBytes, 2 * 2 ** 30)
  assert.equal(load({ file: { path: 'a.yaml', text: '' } }).config, load().config)
})

test('paths in a file are relative to its folder, others are left as they are', () => {
  const file = {
    path: '/srv/node/a.json',
    text: '{ "data_dir": "data", "chain": { "wallet_file": "~/w.json" } }',
  }
  const { config } = load({ file })
  assert.is(config.dataDir, '/srv/node/data')
  assert.is(config.chain.walletFile, '/home/klaus/w.json')
  assert.is(load({ flags: { dataDir: 'data' } }).config.chain.walletFile, 'data/wallet.json')
})

test('without HOME a path that needs it is an error, and an absolute one is none', () => {
  const findings = (() => {
    try {
      loadConfig()
    } catch (error) {
      return (error as NightshiftError).context.findings as Finding[]
    }
    throw new Error('taken')
  })()
  assert.is(findings[0]?.path, 'data_dir')
  assert.match(findings[0]?.message ?? '', /HOME is not set/)
  assert.is(loadConfig({ flags: { dataDir: '/d' } }).config.dataDir, '/d')
})

test('text of the environment and of flags is read by the option’s type', () => {
  const { config } = load({
    environment: {
      NIGHTSHIFT_CONTROL_PORT: '7001',
      NIGHTSHIFT_PROVIDER_ENABLED: '1',
      NIGHTSHIFT_NETWORK_LISTEN: '/ip4/127.0.0.1/tcp/1, /ip4/127.0.0.1/tcp/2',
      NIGHTSHIFT_PROVIDER_LOCATION: '',
      NIGHTSHIFT_TEST_REPORT: 'no option',
      OTHER: 'ignored',
    },
    flags: {
      'network-bootstrap': [PEER],
      providerSoftwareMemoryBytes: '512Mi',
      networkPrivateAddresses: false,
    },
  })
  assert.is(config.control.port, 7001)
  assert.is(config.provider.enabled, true)
  assert.equal(config.network.listen, ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2'])
  assert.equal(config.network.bootstrap, [PEER])
  assert.is(config.provider.software.memoryBytes, 2 ** 29)
  assert.is(config.network.privateAddresses, false)
})

test('the result cannot be changed, at any depth', () => {
  const { config } = load()
  const frozen: unknown[] = []
  const visit = (value: unknown) => {
    if (typeof value !== 'object' || value === null) return
    assert.ok(Object.isFrozen(value))
    frozen.push(value)
    Object.values(value).forEach(visit)
  }
  visit(config)
  assert.ok(frozen.length >= 10)
  assert.throws(() => {
    ;(config.renter.challenge as { n: number }).n = 16
  }, TypeError)
})

const wrong: { title: string; sources: ConfigSources; expects: Partial<Finding>; text: RegExp }[] = [
  {
    title: 'an unknown key in a file',
    sources: { file: { path: 'n.json', text: '{\n  "chain": { "rpc_ulr": "http://x" }\n}' } },
    expects: { source: 'n.json', path: 'chain.rpc_ulr', line: 2, column: 14, code: 'UNKNOWN_KEY' },
    text: /unknown key "rpc_ulr"; expected rpc_url \(did you mean that\?\)\n {2}2 \| {3}"chain"/,
  },
  {
    title: 'an unknown variable',
    sources: { environment: { NIGHTSHIFT_RENTER_SLICE: '5' } },
    expects: { source: 'environment NIGHTSHIFT_RENTER_SLICE', code: 'UNKNOWN_KEY' },
    text: /expected NIGHTSHIFT_RENTER_SLICE_MS \(did you mean that\?\)/,
  },
  {
    title: 'an unknown flag',
    sources: { flags: { netowrkName: 'x' } },
    expects: { source: 'flag --netowrk-name', code: 'UNKNOWN_KEY' },
    text: /no such option; expected --network-name/,
  },
  {
    title: 'an unknown variable that is near to nothing',
    sources: { environment: { NIGHTSHIFT_FROBNICATE_EVERYTHING_TWICE: '5' } },
    expects: { code: 'UNKNOWN_KEY' },
    text: /expected an option of config\/README\.md/,
  },
  {
    title: 'a GPU’s model',
    sources: { file: { path: 'n.json', text: '{ "provider": { "gpu_model": "H100" } }' } },
    expects: { path: 'provider.gpu_model', code: 'UNKNOWN_KEY' },
    text: /expected nothing: a GPU’s model and memory are read from its driver/,
  },
  {
    title: 'a wrong choice',
    sources: { environment: { NIGHTSHIFT_LOG_LEVEL: 'wran' } },
    expects: { source: 'environment NIGHTSHIFT_LOG_LEVEL', path: 'log.level', code: 'WRONG_VALUE' },
    text: /read "wran"; expected one of debug, info, warn, error \(did you mean warn\?\)/,
  },
  {
    title: 'a number out of range',
    sources: { flags: { controlPort: '70000' } },
    expects: { source: 'flag --control-port', path: 'control.port' },
    text: /read 70000; expected a whole number from 0 to 65535/,
  },
  {
    title: 'text where a number belongs',
    sources: { file: { path: 'n.json', text: '{"renter": {"slice_ms": "fast"}}' } },
    expects: { path: 'renter.slice_ms', line: 1, column: 25, code: 'WRONG_TYPE' },
    text: /read "fast"; expected a whole number from 100 to 3600000 milliseconds/,
  },
  {
    title: 'a list instead of a section',
    sources: { file: { path: 'n.json', text: '{"renter": [1]}' } },
    expects: { path: 'renter', code: 'WRONG_TYPE' },
    text: /read a list; expected a mapping of options/,
  },
  {
    title: 'a control API that is not on loopback',
    sources: { flags: { controlHost: '0.0.0.0' } },
    expects: { path: 'control.host' },
    text: /expected one of 127\.0\.0\.1, ::1/,
  },
  {
    title: 'a bootstrap address without a peer id',
    sources: { flags: { networkBootstrap: '/ip4/203.0.113.7/tcp/4771' } },
    expects: { path: 'network.bootstrap' },
    text: /expected a multiaddr that ends in \/p2p\/<peer id>/,
  },
  {
    title: 'an address that is none of the chain’s',
    sources: { flags: { chainMarket: '0xabc' } },
    expects: { path: 'chain.market' },
    text: /expected an address in base58 \(32 bytes\)/,
  },
  {
    title: 'a price of zero',
    sources: { flags: { providerPricePerHour: '0.00' } },
    expects: { path: 'provider.price_per_hour' },
    text: /read "0\.00"; expected more than zero tokens per hour/,
  },
  {
    title: 'a location that is no country',
    sources: { flags: { providerLocation: 'EU' } },
    expects: { path: 'provider.location' },
    text: /read "EU"; expected a country and a city/,
  },
  {
    title: 'slices whose shortest is above the longest',
    sources: { flags: { providerMinSliceMs: '5000', providerMaxSliceMs: '1000' } },
    expects: { source: 'flag --provider-min-slice-ms', code: 'CONFLICT' },
    text: /read 5000, while provider\.max_slice_ms is 1000 \(flag --provider-max-slice-ms\)/,
  },
  {
    title: 'windows longer than an order may have',
    sources: { flags: { renterCommitMs: '100000', renterRevealMs: '100000' } },
    expects: { path: 'renter.commit_ms', code: 'CONFLICT' },
    text: /expected at most 120000 ms together/,
  },
  {
    title: 'a file that is no YAML',
    sources: { file: { path: 'n.json', text: '{"a": ' } },
    expects: { source: 'n.json', code: 'SYNTAX', line: 1 },
    text: /expected valid YAML/,
  },
  {
    title: 'an unknown preset',
    sources: { flags: { preset: 'mainnet' } },
    expects: { path: 'preset' },
    text: /expected one of localnet, testnet/,
  },
]

for (const { title, sources, expects, text } of wrong) {
  test(`${title} is refused, with the place and what would be right`, () => {
    const findings = findingsOf(sources)
    assert.is(findings.length, 1, JSON.stringify(findings))
    for (const [key, value] of Object.entries(expects))
      assert.equal(findings[0]?.[key as keyof Finding], value, key)
    assert.throws(
      () => load(sources),
      (error: NightshiftError) => text.test(error.message) && error.advice !== '',
    )
  })
}

test('all errors of all sources are reported at once', () => {
  const findings = findingsOf({
    file: { path: 'n.json', text: '{"log": {"level": 3}, "x": 1}' },
    environment: { NIGHTSHIFT_CONTROL_PORT: 'a' },
    flags: { chainRpcUrl: 'ftp://x' },
  })
  assert.equal(findings.map(({ path }) => path).sort(), ['chain.rpc_url', 'control.port', 'log.level', 'x'])
})

test('a wrong value is refused even if a later source overrides it', () => {
  const sources = { environment: { NIGHTSHIFT_CONTROL_PORT: '-1' }, flags: { controlPort: '1' } }
  assert.is(findingsOf(sources)[0]?.source, 'environment NIGHTSHIFT_CONTROL_PORT')
})

test('a node of the public network without a bootstrap peer is told what to do', () => {
  const testnet = load({ flags: { preset: 'testnet' } }).config
  assert.throws(
    () => requireStartable(testnet, 'renter'),
    (error: NightshiftError) =>
      error.code === 'NO_BOOTSTRAP_PEERS' && /--network-bootstrap .*--preset localnet/.test(error.advice),
  )
  assert.not.throws(() => requireStartable(testnet, 'bootstrap'))
  assert.not.throws(() => requireStartable(load().config, 'renter'))
  const joined = load({ flags: { preset: 'testnet', networkBootstrap: PEER } }).config
  assert.not.throws(() => requireStartable(joined, 'renter'))
  assert.throws(
    () => requireStartable(joined, 'provider'),
    (error: NightshiftError) => error.code === 'PRICE_MISSING',
  )
})

/** Valid texts for some options, to play sources against one another. */
const SAMPLES: Readonly<Record<string, readonly [string, string, string]>> = {
  'network.name': ['one', 'two', 'three'],
  'log.level': ['debug', 'warn', 'error'],
  'provider.price_per_hour': ['0.1', '0.2', '0.3'],
  'provider.heartbeat_ms': ['1000', '3000', '5000'],
  'renter.challenge.n': ['64', '128', '512'],
  'control.port': ['1', '2', '3'],
}

test(
  'the latest source that says anything wins, for every option and every set of sources',
  () => {
    let ran = 0
    const property = fc.property(
      fc.constantFrom(...Object.keys(SAMPLES)),
      fc.boolean(),
      fc.boolean(),
      fc.boolean(),
      (path, inFile, inEnvironment, inFlags) => {
        const option = OPTIONS.find((each) => each.path === path)!
        const [first, second, third] = SAMPLES[path]!
        const value = option.kind === 'integer' ? first : JSON.stringify(first)
        const nested = option.keys.reduceRight((inner, key) => `{${JSON.stringify(key)}: ${inner}}`, value)
        const sources: ConfigSources = {
          ...(inFile ? { file: { path: 'f.json', text: nested } } : {}),
          environment: inEnvironment ? { [option.environment]: second } : {},
          flags: inFlags ? { [option.flag.slice(2)]: third } : {},
        }
        const before = JSON.stringify(sources)
        const { config, origins } = load(sources)
        assert.is(JSON.stringify(sources), before)
        const read = option.keys.reduce(
          (at, key) =>
            (at as Record<string, unknown>)[key.replace(/_(\w)/g, (_, letter) => letter.toUpperCase())],
          config as unknown,
        )
        if (inFlags) assert.is(String(read), third)
        else if (inEnvironment) assert.is(String(read), second)
        else if (inFile) assert.is(String(read), first)
        const origin = inFlags
          ? `flag ${option.flag}`
          : inEnvironment
            ? `environment ${option.environment}`
            : inFile
              ? 'f.json'
              : origins[path]
        assert.is(origins[path], origin)
        ran++
      },
    )
    fc.assert(property, { numRuns: 200 })
    assert.ok(ran >= 200)
  },
  { timeoutMs: 60_000 },
)

test(
  'anything at all is either taken or refused with a code, and nothing handed in is changed',
  () => {
    const value = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string()),
      fc.object(),
    )
    const names = fc.oneof(fc.string(), fc.constantFrom(...OPTIONS.map((option) => option.flag.slice(2))))
    const variables = fc.constantFrom(...OPTIONS.map((option) => option.environment))
    let refused = 0
    const property = fc.property(
      fc.oneof(fc.string(), fc.json(), fc.constant('{"provider": {"stake": "1"}}')),
      fc.dictionary(variables, fc.string(), { maxKeys: 3, noNullPrototype: true }),
      fc.dictionary(names, value, { maxKeys: 3, noNullPrototype: true }),
      (text, environment, flags) => {
        const before = structuredClone({ environment, flags })
        try {
          load({ file: { path: 'f', text }, environment, flags })
        } catch (error) {
          assert.instance(error, NightshiftError, String((error as Error).stack))
          assert.is((error as NightshiftError).code, 'CONFIG_INVALID')
          refused++
        }
        assert.equal({ environment, flags }, before)
      },
    )
    fc.assert(property, { numRuns: 500 })
    assert.ok(refused > 0)
  },
  { timeoutMs: 60_000 },
)

test('a notice is not promised where what is watched would break it', () => {
  const ready = (availability: Record<string, unknown>) => {
    const text = JSON.stringify({ provider: { enabled: true, price_per_hour: '0.25', availability } })
    return () => requireStartable(load({ file: { path: '/n.json', text } }).config, 'provider')
  }
  const conflict = (error: unknown) => (error as NightshiftError).code === 'AVAILABILITY_CONFLICT'
  assert.throws(ready({ watch: ['gpu'], notice: '60s' }), conflict)
  assert.throws(ready({ watch: [], command: ['./busy'], notice: '60s' }), conflict)
  assert.not.throws(ready({ watch: ['gpu'], notice: '60s', game_waits: true }))
  assert.not.throws(ready({ watch: [], notice: '60s', schedule: ['22:00-07:00 Europe/Berlin'] }))
  const [finding] = findingsOf({
    file: { path: '/n.json', text: '{ "provider": { "availability": { "schedule": ["22:00-22:00"] } } }' },
  })
  assert.match(finding?.expected ?? '', '22:00-07:00 Europe/Berlin')
})

test.run()
