import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import * as assert from 'uvu/assert'
import { openFolder, openSource, sourceOf } from '../../node/files/folder.js'
import { contentOf } from '../../protocols/job/content.js'
import { codeThrown } from '../support/renter.js'
import { suite } from '../support/suite.js'

const test = suite('files of one folder')
const root = mkdtempSync(join(tmpdir(), 'nightshift-files-'))
const files = openFolder(join(root, 'inside'))

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes)
const bytes = (value: string) => new TextEncoder().encode(value)

test('what is appended is read back in pieces, and goes on after a break', async () => {
  assert.is(await files.size('a/b'), 0)
  await files.append('a/b', bytes('one '))
  await openFolder(join(root, 'inside')).append('a/b', bytes('two'))
  assert.is(await files.size('a/b'), 7)
  assert.is(text(await files.read('a/b', 4, 100)), 'two')
  await files.move('a/b', 'c')
  assert.is(await files.size('a/b'), 0)
  assert.is(text(await files.read('c', 0, 3)), 'one')
  await files.remove('a')
  await files.remove('a')
  assert.is(files.path('c'), join(root, 'inside', 'c'))
})

test('no name leads out of the folder, or to the folder itself', async () => {
  const names = ['', '.', '..', '../x', 'a/../../x', '/etc/passwd', 'a\0b', './', 'a/..', '../inside']
  for (const name of names) {
    assert.is(await codeThrown(files.append(name, bytes('x'))), 'FILE_NAME_INVALID', JSON.stringify(name))
    assert.is(await codeThrown(files.size(name)), 'FILE_NAME_INVALID')
    assert.is(await codeThrown(files.read(name, 0, 1)), 'FILE_NAME_INVALID')
    assert.is(await codeThrown(files.remove(name)), 'FILE_NAME_INVALID')
    assert.is(await codeThrown(files.move('c', name)), 'FILE_NAME_INVALID')
  }
  const inside = join(root, 'inside')
  fc.assert(
    fc.property(fc.array(fc.constantFrom('..', '.', 'a', '/', '~', 'b'), { maxLength: 8 }), (parts) => {
      try {
        assert.ok(files.path(parts.join('/')).startsWith(`${inside}/`))
      } catch (error) {
        assert.is((error as { code?: string }).code, 'FILE_NAME_INVALID')
      }
    }),
  )
})

test('a source knows its size and digest; one that is not there says which', async () => {
  const path = join(root, 'input.csv')
  writeFileSync(path, '1,2,3\n')
  const source = await openSource(path)
  assert.is(source.name, 'input.csv')
  assert.is(source.bytes, 6)
  assert.equal(source.sha256, contentOf(bytes('1,2,3\n')))
  assert.is(text(await source.read(2, 100)), '2,3\n')
  assert.is(await codeThrown(openSource(join(root, 'none'))), 'INPUT_UNREADABLE')
  assert.equal(sourceOf('x', bytes('1,2,3\n')).sha256, source.sha256)
})

const mount = join(root, 'small')
let mounted = false
try {
  execFileSync('mkdir', [mount])
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', mount], { stdio: 'ignore' })
  mounted = true
} catch {
  test.skip('a full disk is DISK_FULL, and what was received stays', 'mounting a small tmpfs needs root')
}
if (mounted) {
  test('a full disk is DISK_FULL, and what was received stays', async () => {
    const small = openFolder(mount)
    await small.append('part', new Uint8Array(40_000))
    assert.is(await codeThrown(small.append('part', new Uint8Array(100_000))), 'DISK_FULL')
    assert.ok((await small.size('part')) >= 40_000)
    assert.is(await codeThrown(small.append('other/part', new Uint8Array(40_000))), 'DISK_FULL')
  })
}

test.after(() => {
  if (mounted) execFileSync('umount', [mount])
  rmSync(root, { recursive: true, force: true })
})

test.run()
