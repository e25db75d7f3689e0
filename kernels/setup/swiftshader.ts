import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliDecompressSync } from 'node:zlib'

/**
 * `npm run setup:swiftshader`: a software Vulkan device, so that the WebGPU backend can be tested on a machine without a
 * graphics card. SwiftShader (Apache-2.0) comes prebuilt inside the npm package @sparticuz/chromium; only that part is
 * kept. For tests alone: such a device never passes for a GPU. An entry file: it talks to the terminal and the processes.
 */
const PACKAGE = '@sparticuz/chromium@147.0.0'
const FOLDER = fileURLToPath(new URL('../../../.nightshift/swiftshader/', import.meta.url))

function run(command: string, args: string[], cwd: string): void {
  const { status, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status === 0) return
  process.stderr.write(`error: ${command} ${args.join(' ')} failed\n${stderr ?? ''}`)
  process.exit(1)
}

function main(): void {
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    process.stderr.write('error: the prebuilt SwiftShader is for Linux on x64 only\n')
    process.exit(1)
  }
  if (existsSync(join(FOLDER, 'libvk_swiftshader.so'))) {
    process.stderr.write('already there\n')
    return
  }
  const work = `${FOLDER.replace(/\/$/, '')}.part`
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  process.stderr.write(`… fetching ${PACKAGE} from npm (68 MB)\n`)
  run('npm', ['pack', '--silent', PACKAGE], work)
  const archive = readdirSync(work).find((name) => name.endsWith('.tgz'))!
  run('tar', ['xzf', archive, 'package/bin/swiftshader.tar.br'], work)
  writeFileSync(
    join(work, 'swiftshader.tar'),
    brotliDecompressSync(readFileSync(join(work, 'package/bin/swiftshader.tar.br'))),
  )
  run('tar', ['xf', 'swiftshader.tar', '--no-same-owner'], work)
  for (const name of [archive, 'package', 'swiftshader.tar', 'libEGL.so', 'libGLESv2.so']) {
    rmSync(join(work, name), { recursive: true, force: true })
  }
  rmSync(FOLDER, { recursive: true, force: true })
  renameSync(work, FOLDER)
  process.stderr.write(`done: ${FOLDER}\n`)
}

main()
