import { request } from 'node:http'
import type { Clock } from '../../protocols/ports.js'
import type { Finding } from './finding.js'

const PATIENCE_MS = 3_000
const MAX_ANSWER_BYTES = 65_536

/** The first engine that answers. Jobs of today's runtimes need none, so its absence is no failure. */
export async function checkContainers(
  clock: Pick<Clock, 'after'>,
  sockets: readonly string[],
): Promise<Finding> {
  const problems: string[] = []
  for (const socket of sockets) {
    try {
      return { verdict: 'ok', found: `${await askVersion(clock, socket)} at ${socket}` }
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code !== 'ENOENT') problems.push(`${socket}: ${code ?? (error as Error).message}`)
    }
  }
  const isDenied = problems.some((problem) => problem.endsWith('EACCES'))
  return {
    verdict: 'warn',
    found:
      problems.length === 0
        ? 'no Docker or Podman; only jobs in containers would need one'
        : problems.join('\n'),
    advice: isDenied
      ? 'let this user use it: sudo usermod -aG docker $USER, then log in again'
      : 'to take such jobs, install one and start it: sudo apt-get install docker.io, or podman and "systemctl --user enable --now podman.socket"',
  }
}

function askVersion(clock: Pick<Clock, 'after'>, socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const late = new AbortController()
    const cancel = clock.after(PATIENCE_MS, () => late.abort(new Error('does not answer')))
    const asked = request({ socketPath, path: '/version', agent: false, signal: late.signal }, (answer) => {
      let text = ''
      answer.setEncoding('utf8')
      answer.on('data', (part: string) => {
        text += part
        if (text.length > MAX_ANSWER_BYTES) answer.destroy(new Error('answers with too much'))
      })
      answer.on('error', reject)
      answer.on('end', () => {
        try {
          resolve(readVersion(text))
        } catch (error) {
          reject(error)
        }
      })
    })
    asked.on('error', (error) => reject(late.signal.aborted ? late.signal.reason : error))
    asked.on('close', cancel)
    asked.end()
  })
}

/** As the Engine API answers `GET /version`, Docker's and Podman's alike. */
function readVersion(text: string): string {
  const { Version, Components } = JSON.parse(text) as { Version?: string; Components?: { Name?: string }[] }
  if (typeof Version !== 'string') throw new Error('answers with something else')
  const isPodman = Components?.some(({ Name }) => /podman/i.test(String(Name))) === true
  return `${isPodman ? 'Podman' : 'Docker'} ${Version}`
}
