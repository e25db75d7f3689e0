import { type Finding, joinPath, type Path } from '../finding.js'
import { childOf, type Entry, entryOf, type Source, type Tree } from '../source.js'

/**
 * Published examples put `profiles`, `pricing` and `deployment` under `services`, or under one service. They are
 * taken to where SDL has them, each with a warning that shows the place. Keys keep their offsets, so that whatever
 * else is wrong with them is still shown where it stands.
 */
export function relocate(source: Source, findings: Finding[]): Source {
  let root = source.tree
  const warn = (entry: Entry, from: Path, to: string) => {
    findings.push(
      source.finding(entry.start, {
        severity: 'warning',
        code: 'MISPLACED',
        path: joinPath(from),
        message: `${joinPath(from)} is not where SDL has it`,
        expected: to,
      }),
    )
  }
  const merge = (to: Path, value: Tree) => {
    root = mergeAt(root, to, value, (entry, path) =>
      findings.push(
        source.finding(entry.start, {
          severity: 'error',
          code: 'CONFLICT',
          path: joinPath(path),
          message: `${joinPath(path)} stands in two places`,
          expected: 'one of them',
        }),
      ),
    )
  }

  const firstService =
    entriesOf(childOf(root, 'services')).find((entry) => !isMisplaced(entry))?.key ?? 'default'
  for (const key of ['profiles', 'deployment', 'pricing'] as const) {
    const entry = entryOf(childOf(root, 'services'), key)
    if (entry === undefined || !isMisplaced(entry)) continue
    warn(entry, ['services', key], `${key} at the top level, beside services`)
    root = removeAt(root, ['services', key])
    merge([key], key === 'profiles' ? nameProfile(entry.value, firstService) : entry.value)
  }
  for (const { key: name, value } of entriesOf(childOf(root, 'services'))) {
    const entry = entryOf(value, 'profiles')
    if (entry === undefined) continue
    warn(entry, ['services', name, 'profiles'], `profiles.compute.${name} at the top level, beside services`)
    root = removeAt(root, ['services', name, 'profiles'])
    merge(['profiles'], nameProfile(entry.value, name))
  }
  return { ...source, tree: root }
}

const MARKS: Readonly<Record<string, readonly string[]>> = {
  profiles: ['compute', 'placement'],
  pricing: ['max_price_per_hour', 'denom', 'amount'],
  deployment: [],
}

/** Whether a key under `services` is one of SDL's own parts and not a service that happens to bear its name. */
function isMisplaced({ key, value }: Entry): boolean {
  if (!Object.hasOwn(MARKS, key) || value.kind !== 'map') return false
  if (entryOf(value, 'runtime') !== undefined || entryOf(value, 'job') !== undefined) return false
  const marks = MARKS[key] ?? []
  return marks.length === 0 || marks.some((mark) => entryOf(value, mark) !== undefined)
}

const RESOURCES: readonly string[] = ['cpu', 'memory', 'storage', 'gpu']

/** `compute: {gpu: …}` or `compute: {resources: …}`, without a profile's name, gets the service's. */
function nameProfile(profiles: Tree, name: string): Tree {
  const compute = entryOf(profiles, 'compute')
  if (compute === undefined) return profiles
  const entries = entriesOf(compute.value)
  const bare = entries.length > 0 && entries.every(({ key }) => RESOURCES.includes(key))
  const unnamed = childOf(compute.value, 'resources')
  const wrap = (key: string, value: Tree): Tree => ({
    kind: 'map',
    start: value.start,
    entries: [{ key, start: value.start, value }],
  })
  let named: Tree
  if (bare) named = wrap(name, wrap('resources', compute.value))
  else if (unnamed !== undefined && entryOf(unnamed, 'resources') === undefined)
    named = wrap(name, compute.value)
  else return profiles
  return replaceEntry(profiles, { ...compute, value: named })
}

function entriesOf(tree: Tree | undefined): readonly Entry[] {
  return tree?.kind === 'map' ? tree.entries : []
}

function replaceEntry(tree: Tree, entry: Entry): Tree {
  if (tree.kind !== 'map') return tree
  const others = tree.entries.filter(({ key }) => key !== entry.key)
  return { ...tree, entries: [...others, entry] }
}

export function removeAt(tree: Tree, path: Path): Tree {
  const [key, ...rest] = path
  if (tree.kind !== 'map') return tree
  if (rest.length === 0) return { ...tree, entries: tree.entries.filter((entry) => entry.key !== key) }
  return {
    ...tree,
    entries: tree.entries.map((entry) =>
      entry.key === key ? { ...entry, value: removeAt(entry.value, rest) } : entry,
    ),
  }
}

/** Puts `value` at `path`; maps that are there already are merged, `onConflict` hears of what stands in both. */
function mergeAt(tree: Tree, path: Path, value: Tree, onConflict: (entry: Entry, path: Path) => void): Tree {
  const [key] = path
  const present = entryOf(tree, String(key))
  if (present === undefined) return replaceEntry(tree, { key: String(key), start: value.start, value })
  return replaceEntry(tree, { ...present, value: mergeTrees(present.value, value, path, onConflict) })
}

function mergeTrees(
  base: Tree,
  added: Tree,
  path: Path,
  onConflict: (entry: Entry, path: Path) => void,
): Tree {
  let merged = base
  for (const entry of entriesOf(added)) {
    const present = entryOf(merged, entry.key)
    if (present === undefined) merged = replaceEntry(merged, entry)
    else if (path.length < 2 && present.value.kind === 'map' && entry.value.kind === 'map') {
      const value = mergeTrees(present.value, entry.value, [...path, entry.key], onConflict)
      merged = replaceEntry(merged, { ...present, value })
    } else onConflict(entry, [...path, entry.key])
  }
  return merged
}
