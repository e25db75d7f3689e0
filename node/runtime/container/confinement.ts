import type { ContainerCreateOptions, ContainerInspectInfo } from 'dockerode'
import type { ContainerSpec } from './spec.js'

/** User and group of every job: `nobody` of most systems, who owns nothing. */
export const JOB_USER = 65_534
/** Where a job finds `in/`, and leaves `out/` and `checkpoint/`. */
export const JOB_FOLDER = '/job'
/** Writable places that Podman would else add without a limit, and that programs expect. */
const MEMORY_FOLDERS = ['/tmp', '/run', '/var/tmp']
/**
 * Where NVIDIA's runtime is the engine's own, this variable alone gives a container cards, and images set it to `all`.
 * Those of the lease come by request, which sets it anew. Source: NVIDIA Container Toolkit, "GPU enumeration".
 */
const NO_CARDS = { NVIDIA_VISIBLE_DEVICES: 'void' }
const MAX_FILES = 4_096
export const MAX_PROCESSES = 4_096
const SHARED_MEMORY_BYTES = 64 * 2 ** 20
/** The kernel kills a job before it kills what the owner runs. */
const OOM_SCORE = 800

export interface Confined {
  name: string
  image: string
  /** Missing: it has no folder of its own. */
  volume?: string
  /** The container whose network namespace it joins, which must have no network either. Missing: its own. */
  joins?: string
  labels: Readonly<Record<string, string>>
  /** The profile itself for Docker, the path of a file that holds it for Podman. */
  seccomp: string
  /** CDI names for Podman, device ids for Docker. */
  gpus: readonly string[]
  engine: 'docker' | 'podman'
}

/**
 * A container with no network, a read-only root, no capability, no way to more, its own namespaces, and limits on all
 * that can run out. The disk has none that engines enforce on every file system: see `disk.ts`.
 */
export function confine(spec: ContainerSpec, confined: Confined): ContainerCreateOptions {
  const { name, image, volume, joins, labels, seccomp, gpus, engine } = confined
  const tmpfs = `rw,noexec,nosuid,nodev,size=${spec.tmp},mode=1777`
  return {
    name,
    Image: image,
    ...(spec.entrypoint === undefined ? {} : { Entrypoint: spec.entrypoint }),
    ...(spec.command === undefined ? {} : { Cmd: spec.command }),
    Env: Object.entries(withPlaces(spec.env)).map(([key, value]) => `${key}=${value}`),
    WorkingDir: spec.directory,
    User: `${JOB_USER}:${JOB_USER}`,
    Labels: { ...labels },
    // Docker would give a container that joins another's namespace one of its own.
    NetworkDisabled: joins === undefined,
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: false,
    Tty: false,
    StopSignal: 'SIGTERM',
    Healthcheck: { Test: ['NONE'] },
    HostConfig: {
      NetworkMode: joins === undefined ? 'none' : `container:${joins}`,
      Privileged: false,
      ReadonlyRootfs: true,
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges', `seccomp=${seccomp}`],
      IpcMode: 'private',
      CgroupnsMode: 'private',
      Memory: spec.memory + spec.tmp,
      MemorySwap: spec.memory + spec.tmp,
      NanoCpus: Math.round(spec.cpus * 1e9),
      PidsLimit: spec.processes,
      OomScoreAdj: OOM_SCORE,
      ShmSize: SHARED_MEMORY_BYTES,
      Ulimits: [
        { Name: 'nofile', Soft: MAX_FILES, Hard: MAX_FILES },
        // Of all jobs together; one job's bound is PidsLimit. Unsaid, Podman asks for more than root itself may have.
        { Name: 'nproc', Soft: MAX_PROCESSES, Hard: MAX_PROCESSES },
        { Name: 'core', Soft: 0, Hard: 0 },
        { Name: 'fsize', Soft: spec.disk, Hard: spec.disk },
      ],
      Tmpfs: Object.fromEntries(MEMORY_FOLDERS.map((folder) => [folder, tmpfs])),
      Mounts:
        volume === undefined ? [] : [{ Type: 'volume', Source: volume, Target: JOB_FOLDER, ReadOnly: false }],
      // Podman has no log driver that keeps nothing and can still be attached to early; its log goes with the container.
      LogConfig: { Type: engine === 'docker' ? 'none' : 'k8s-file', Config: {} },
      RestartPolicy: { Name: 'no' },
      AutoRemove: false,
      ...(gpus.length === 0 ? {} : gpuRequest(engine, gpus)),
    },
  } as ContainerCreateOptions
}

function withPlaces(env: Readonly<Record<string, string>>): Record<string, string> {
  return {
    HOME: '/tmp',
    NIGHTSHIFT_IN: `${JOB_FOLDER}/in`,
    NIGHTSHIFT_OUT: `${JOB_FOLDER}/out`,
    NIGHTSHIFT_CHECKPOINT: `${JOB_FOLDER}/checkpoint`,
    ...env,
    ...NO_CARDS,
  }
}

/** Podman ignores device requests without a word; the Container Device Interface it takes. */
function gpuRequest(engine: 'docker' | 'podman', gpus: readonly string[]): object {
  if (engine === 'docker') {
    return { DeviceRequests: [{ Driver: 'nvidia', DeviceIDs: [...gpus], Capabilities: [['gpu']] }] }
  }
  return {
    Devices: gpus.map((name) => ({ PathOnHost: name, PathInContainer: name, CgroupPermissions: 'rwm' })),
  }
}

/**
 * How a container that was made differs from what was asked for, one line each. Engines take options that they do not
 * know without a word, so nothing is believed that cannot be read back.
 */
export function findDeviations(
  made: ContainerInspectInfo,
  asked: ContainerCreateOptions,
  engine: 'docker' | 'podman',
): string[] {
  const host = made.HostConfig as ContainerInspectInfo['HostConfig'] & Record<string, unknown>
  const wanted = asked.HostConfig ?? {}
  const found: string[] = []
  const expect = (isRight: boolean, what: string, read: unknown) => {
    if (!isRight) found.push(`${what} is ${JSON.stringify(read)}`)
  }
  expect(host.Privileged === false, 'Privileged', host.Privileged)
  expect(host.NetworkMode === wanted.NetworkMode, 'NetworkMode', host.NetworkMode)
  expect(host.ReadonlyRootfs === true, 'ReadonlyRootfs', host.ReadonlyRootfs)
  expect(made.Config.User === asked.User, 'User', made.Config.User)
  expect(hasNoCapability(made, host), 'CapDrop', host.CapDrop)
  expect((host.CapAdd ?? []).length === 0, 'CapAdd', host.CapAdd)
  expect(isConfined(host.SecurityOpt), 'SecurityOpt', host.SecurityOpt)
  expect(host.PidMode === '' || host.PidMode === 'private', 'PidMode', host.PidMode)
  expect(host.IpcMode !== 'host', 'IpcMode', host.IpcMode)
  expect(host.UTSMode !== 'host', 'UTSMode', host.UTSMode)
  expect(host.UsernsMode !== 'host', 'UsernsMode', host.UsernsMode)
  expect(host.Memory === wanted.Memory, 'Memory', host.Memory)
  expect(host.MemorySwap === wanted.MemorySwap, 'MemorySwap', host.MemorySwap)
  expect(host.PidsLimit === wanted.PidsLimit, 'PidsLimit', host.PidsLimit)
  expect(cpusOf(host) === wanted.NanoCpus, 'NanoCpus', cpusOf(host))
  for (const folder of MEMORY_FOLDERS) {
    const options = (host.Tmpfs as Record<string, string> | undefined)?.[folder] ?? ''
    expect(/\bsize=\d+/.test(options) && /\bnoexec\b/.test(options), `Tmpfs ${folder}`, options)
  }
  const mounts = made.Mounts.filter(({ Type }) => Type !== 'tmpfs')
  const areOurs = mounts.every(({ Type, Destination }) => Type === 'volume' && Destination === JOB_FOLDER)
  expect(areOurs && mounts.length === wanted.Mounts?.length, 'Mounts', mounts)
  const devices = engine === 'docker' ? host.DeviceRequests : host.Devices
  const wantedDevices = engine === 'docker' ? wanted.DeviceRequests : wanted.Devices
  const count = Array.isArray(devices) ? devices.length : 0
  expect(count === (wantedDevices?.length ?? 0), 'GPU devices', devices ?? [])
  return found
}

/** Docker reads back what it was told, Podman which capabilities it took away and which are left. */
function hasNoCapability(made: ContainerInspectInfo, { CapDrop }: { CapDrop?: string[] | null }): boolean {
  const { BoundingCaps, EffectiveCaps } = made as { BoundingCaps?: string[]; EffectiveCaps?: string[] }
  const dropped = CapDrop ?? []
  if (dropped.includes('ALL')) return true
  return dropped.length > 0 && (BoundingCaps ?? []).length === 0 && (EffectiveCaps ?? []).length === 0
}

function isConfined(options: unknown): boolean {
  if (!Array.isArray(options)) return false
  const texts = options.map(String)
  const isFiltered = texts.some((text) => text.startsWith('seccomp=') && !text.endsWith('unconfined'))
  return isFiltered && texts.some((text) => text.startsWith('no-new-privileges'))
}

function cpusOf(host: Record<string, unknown>): number {
  const { NanoCpus, CpuQuota, CpuPeriod } = host as Record<string, number>
  if (NanoCpus) return NanoCpus
  return CpuQuota && CpuPeriod ? Math.round((CpuQuota / CpuPeriod) * 1e9) : 0
}
