import { z } from 'zod'
import { parseDuration, parseSize } from '../../../config/units.js'
import { NightshiftError } from '../../../protocols/errors.js'
import { JOB_LIMITS } from '../../../protocols/job/rules.js'

/**
 * The `job` of a service whose runtime is `container`: which image, which program, within which bounds. What would
 * reach out of the container has no key here at all.
 */
const NEVER: Readonly<Record<string, string>> = {
  privileged: 'a job never runs privileged',
  volumes: 'nothing of the host is mounted; name files under `inputs` and find them in /job/in',
  mounts: 'nothing of the host is mounted; name files under `inputs` and find them in /job/in',
  binds: 'nothing of the host is mounted; name files under `inputs` and find them in /job/in',
  devices: 'devices are asked for by `gpus`',
  network: 'a job has no network; carry its data as inputs',
  network_mode: 'a job has no network; carry its data as inputs',
  ports: 'ports that the renter may reach are named by `expose`',
  cap_add: 'a job has no capabilities',
  security_opt: 'the confinement of a job is the provider’s to choose',
  user: 'a job runs as user 65534',
  pid: 'a job sees its own processes only',
  ipc: 'a job has its own shared memory',
}

/** A checkpoint is read into the memory of the provider's node. */
const MAX_CHECKPOINT_BYTES = 256 * 2 ** 20
const MAX_PORTS = 16

const size = z
  .string()
  .refine((text) => (parseSize(text) ?? 0) > 0, { error: 'a size such as 512Mi' })
  .transform((text) => parseSize(text)!)
const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, { error: 'a duration such as 30s' })
  .transform((text) => parseDuration(text)!)
const words = z.array(z.string().max(4_096)).max(256)
const port = z.int().min(1).max(65_535)

const health = z.strictObject({
  /** `tcp`: something takes a connection. `http`: a GET is answered with a status from 200 to 399. */
  http: z
    .string()
    .regex(/^\/[\x21-\x7e]{0,1023}$/, { error: 'a path such as /health' })
    .optional(),
  port: port.optional(),
  interval: duration.default(10_000),
  timeout: duration.default(5_000),
  /** So many failures in a row make it unhealthy. */
  retries: z.int().min(1).max(100).default(3),
  /** Failures before the first success do not count for so long. */
  start: duration.default(60_000),
})

const restart = z.strictObject({
  policy: z.enum(['never', 'on-failure', 'always']).default('on-failure'),
  /** In a row; ten healthy minutes begin a new count. */
  max: z.int().min(0).max(100).default(5),
  /** Before the first restart; doubled before each further one, to a minute at most. */
  backoff: duration.default(1_000),
})

const containerSpec = z
  .strictObject({
    /** A registry's image by digest. */
    image: z
      .string()
      .regex(/^[a-z0-9][a-z0-9./:_-]{0,254}@sha256:[0-9a-f]{64}$/, {
        error: 'an image by digest, such as docker.io/library/alpine@sha256:…',
      })
      .optional(),
    /** The input that holds the image, as `docker save` writes it. */
    archive: z.string().max(128).optional(),
    entrypoint: words.optional(),
    command: words.optional(),
    env: z
      .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/), z.string().max(4_096))
      .refine((env) => Object.keys(env).length <= 128, { error: 'at most 128 variables' })
      .default({}),
    directory: z
      .string()
      .regex(/^\/[^\0]{0,1023}$/, { error: 'an absolute path' })
      .default('/job'),
    memory: size.default(512 * 2 ** 20),
    cpus: z.number().min(0.1).max(1_024).default(1),
    processes: z.int().min(1).max(4_096).default(256),
    /** All of /job: inputs, outputs, checkpoints. */
    disk: size.default(2 ** 30),
    /** /tmp, which lies in memory and counts as such. */
    tmp: size.default(64 * 2 ** 20),
    /** All outputs together. */
    output: size.default(2 ** 30),
    gpus: z.int().min(0).max(64).default(0),
    /** Between the polite signal and the end. */
    grace: duration.default(5_000),
    checkpoint: z
      .strictObject({
        /** Tells the program to write one; without it the program writes them when it likes. */
        signal: z.enum(['SIGUSR1', 'SIGUSR2', 'SIGHUP']).optional(),
        /** How often the directory is looked at and, with `signal`, the program is told. */
        every: duration.default(60_000),
        /** Largest checkpoint. */
        size: size.default(MAX_CHECKPOINT_BYTES),
      })
      .optional(),
    /** Makes it a service: it listens on these ports, and works until it is stopped or its lease is over. */
    expose: z.array(port).min(1).max(MAX_PORTS).optional(),
    health: health.prefault({}),
    restart: restart.prefault({}),
    /** Whether its renter may run programs beside it. */
    exec: z.boolean().default(false),
  })
  .superRefine((spec, context) => {
    if ((spec.image === undefined) === (spec.archive === undefined)) {
      context.addIssue({ code: 'custom', message: 'name either `image` or `archive`' })
    }
    if (spec.grace > 60_000) {
      context.addIssue({ code: 'custom', path: ['grace'], message: 'at most 60s' })
    }
    if (spec.checkpoint !== undefined && spec.checkpoint.every < 1_000) {
      context.addIssue({ code: 'custom', path: ['checkpoint', 'every'], message: 'at least 1s' })
    }
    if (spec.checkpoint !== undefined && spec.checkpoint.size > MAX_CHECKPOINT_BYTES) {
      context.addIssue({ code: 'custom', path: ['checkpoint', 'size'], message: 'at most 256Mi' })
    }
    const { expose = [], health, restart } = spec
    const bounds: Array<[string, string, number, number, string]> = [
      ['health', 'interval', health.interval, 3_600_000, 'from 1s to 1h'],
      ['health', 'timeout', health.timeout, 60_000, 'from 1s to 60s'],
      ['health', 'start', health.start, 600_000, 'from 1s to 10m'],
      ['restart', 'backoff', restart.backoff, 60_000, 'from 1s to 60s'],
    ]
    for (const [key, name, ms, most, message] of bounds) {
      if (ms < 1_000 || ms > most) context.addIssue({ code: 'custom', path: [key, name], message })
    }
    if (health.port !== undefined && !expose.includes(health.port)) {
      context.addIssue({
        code: 'custom',
        path: ['health', 'port'],
        message: 'one of the ports under `expose`',
      })
    }
    if (new Set(expose).size !== expose.length) {
      context.addIssue({ code: 'custom', path: ['expose'], message: 'each port once' })
    }
  })

export type ContainerSpec = z.output<typeof containerSpec>

/** A job that stays up and is reached, until somebody ends it. */
export function isService({ expose }: Pick<ContainerSpec, 'expose'>): boolean {
  return expose !== undefined
}

/** What one job may take of this host, as its owner says. Sizes in bytes. */
export interface ContainerLimits {
  memoryBytes: number
  cpus: number
  processes: number
  diskBytes: number
  /** Of an image that a job carries, unpacked. */
  imageBytes: number
  /** Of images that were pulled for jobs and that no job uses now. */
  cacheBytes: number
  logLinesPerSecond: number
}

/** Throws JOB_SPEC_INVALID with one line for each wrong field; defaults are filled in. Sizes in bytes, times in ms. */
export function parseContainerSpec(value: unknown): ContainerSpec {
  const result = containerSpec.safeParse(value)
  const unsafe = typeof value === 'object' && value !== null ? Object.keys(value) : []
  const issues = unsafe.flatMap((key) => (NEVER[key] === undefined ? [] : [`${key}: ${NEVER[key]}`]))
  if (result.success) return result.data
  for (const { path, message } of result.error.issues) {
    issues.push(path.length === 0 ? message : `${path.join('.')}: ${message}`)
  }
  throw new NightshiftError('JOB_SPEC_INVALID', `the container is not valid: ${issues.join('; ')}`, {
    advice: 'correct the named fields of the manifest’s `job`; node/runtime/README.md lists all of them',
    context: { issues },
  })
}

/** The same for a job whose inputs are known by their names. */
export function checkContainer(value: unknown, inputNames: readonly string[]): ContainerSpec {
  const spec = parseContainerSpec(value)
  if (spec.archive === undefined || inputNames.includes(spec.archive)) return spec
  const issues = [`archive: no input is named ${spec.archive}`]
  throw new NightshiftError('JOB_SPEC_INVALID', `the container is not valid: ${issues.join('; ')}`, {
    advice: 'name the file under `inputs`, and `archive` by the name that it has there',
    context: { issues },
  })
}

/** Throws LIMIT_EXCEEDED with every bound that the job wants more of than this host gives. */
export function checkLimits(spec: ContainerSpec, limits: ContainerLimits): void {
  const wanted: Array<[string, number, number]> = [
    ['memory', spec.memory + spec.tmp, limits.memoryBytes],
    ['cpus', spec.cpus, limits.cpus],
    ['processes', spec.processes, limits.processes],
    ['disk', spec.disk, limits.diskBytes],
    // Both lie on the disk, and outputs go through the wire besides.
    ['output', spec.output, Math.min(limits.diskBytes, JOB_LIMITS.maxOutputBytes)],
    ['checkpoint.size', spec.checkpoint === undefined ? 0 : spec.checkpoint.size, limits.diskBytes],
  ]
  const over = wanted.filter(([, wants, gives]) => wants > gives)
  if (over.length === 0) return
  const said = over.map(([what, wants, gives]) => `${what} ${wants} > ${gives}`).join('; ')
  throw new NightshiftError('LIMIT_EXCEEDED', `the job wants more than this provider gives: ${said}`, {
    advice: 'ask for less in the manifest’s `job`, or for another provider',
    context: { over: said },
  })
}
