#!/usr/bin/env node
/**
 * Links one relocatable BPF object (`llc -march=bpfel -mcpu=v2`) into the shared object that Solana's loader takes
 * (sBPF v0), because lld and binutils refuse to. No dependencies, no clock, no paths: the same object gives the same bytes.
 *
 * What it refuses, it refuses because the runtime would compute something else or fail after deployment:
 * 32-bit arithmetic (sBPF v0 sign-extends add, sub and mul), instructions of later BPF versions, writable data,
 * unknown system calls, frames above 4096 bytes.
 *
 * Source: the loader itself, crate solana-sbpf, `elf.rs` (checks and relocations) and `ebpf.rs` (opcodes).
 *
 *   node link.mjs <object.o> <program.so>
 */
import { readFileSync, writeFileSync } from 'node:fs'

const RODATA_START = 0x1_0000_0000n
const FRAME_BYTES = 4096
const R_BPF_64_64 = 1
const R_BPF_64_ABS64 = 2
const R_BPF_64_32 = 10

const SYSCALLS = new Set([
  'abort',
  'sol_create_program_address',
  'sol_get_clock_sysvar',
  'sol_get_rent_sysvar',
  'sol_get_sysvar',
  'sol_invoke_signed_c',
  'sol_log_',
  'sol_log_data',
  'sol_memcmp_',
  'sol_memcpy_',
  'sol_memmove_',
  'sol_memset_',
  'sol_panic_',
  'sol_set_return_data',
  'sol_sha256',
  'sol_try_find_program_address',
])

class LinkError extends Error {}

function refuse(message) {
  throw new LinkError(message)
}

function readObject(bytes) {
  const text = (from) => bytes.toString('latin1', from, bytes.indexOf(0, from))
  if (bytes.readUInt32BE(0) !== 0x7f454c46 || bytes.readUInt16LE(18) !== 247) refuse('not a BPF object')
  const table = Number(bytes.readBigUInt64LE(40))
  const count = bytes.readUInt16LE(60)
  const sections = Array.from({ length: count }, (_, index) => {
    const at = table + 64 * index
    return {
      index,
      nameAt: bytes.readUInt32LE(at),
      type: bytes.readUInt32LE(at + 4),
      flags: Number(bytes.readBigUInt64LE(at + 8)),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
      link: bytes.readUInt32LE(at + 40),
      info: bytes.readUInt32LE(at + 44),
      align: Math.max(1, Number(bytes.readBigUInt64LE(at + 48))),
    }
  })
  const names = sections[bytes.readUInt16LE(62)].offset
  for (const section of sections) {
    section.name = text(names + section.nameAt)
    if (section.type === 1)
      section.data = Buffer.from(bytes.subarray(section.offset, section.offset + section.size))
  }
  const symtab = sections.find((section) => section.type === 2) ?? refuse('the object has no symbols')
  const strings = sections[symtab.link].offset
  const symbols = Array.from({ length: symtab.size / 24 }, (_, index) => {
    const at = symtab.offset + 24 * index
    return {
      name: text(strings + bytes.readUInt32LE(at)),
      isSection: (bytes[at + 4] & 15) === 3,
      section: bytes.readUInt16LE(at + 6),
      value: Number(bytes.readBigUInt64LE(at + 8)),
    }
  })
  const relocations = sections
    .filter((section) => section.type === 9 || section.type === 4)
    .flatMap((section) => {
      if (section.type === 4) refuse(`${section.name}: relocations with addends are not expected of llc`)
      return Array.from({ length: section.size / 16 }, (_, index) => {
        const at = section.offset + 16 * index
        const info = bytes.readBigUInt64LE(at + 8)
        return {
          section: section.info,
          offset: Number(bytes.readBigUInt64LE(at)),
          type: Number(info & 0xffffffffn),
          symbol: symbols[Number(info >> 32n)],
        }
      })
    })
  return { sections, symbols, relocations }
}

/** Puts the sections that are loaded behind the headers: code first, then everything that is only read. */
function layOut(sections, start) {
  const loaded = sections.filter((section) => (section.flags & 2) !== 0 && section.size > 0)
  for (const section of loaded) {
    const relro = section.name.startsWith('.data.rel.ro')
    if (section.type !== 1) refuse(`${section.name}: zero-initialised data would be writable`)
    if ((section.flags & 1) !== 0 && !relro) refuse(`${section.name}: programs have no writable globals`)
  }
  const isCode = (section) => (section.flags & 4) !== 0
  let at = start
  const place = (chosen) => {
    const from = at
    for (const section of chosen) {
      at = Math.ceil(at / Math.max(8, section.align)) * Math.max(8, section.align)
      section.address = at
      at += section.size
    }
    at = Math.ceil(at / 8) * 8
    return { from, to: at, sections: chosen }
  }
  return { text: place(loaded.filter(isCode)), rodata: place(loaded.filter((section) => !isCode(section))) }
}

function relocate({ sections, relocations }) {
  const calls = []
  for (const { section: index, offset, type, symbol } of relocations) {
    const section = sections[index]
    if (section.address === undefined) continue
    const target = symbol.section === 0 ? undefined : sections[symbol.section]?.address
    const address = target === undefined ? undefined : target + symbol.value
    const where = `${section.name}+0x${offset.toString(16)}`
    if (type === R_BPF_64_32) {
      if (section.data[offset] !== 0x85) refuse(`${where}: a call relocation on something that is no call`)
      if (address === undefined) {
        if (!SYSCALLS.has(symbol.name)) refuse(`${where}: unknown system call ${symbol.name}`)
        section.data.writeInt32LE(-1, offset + 4)
        calls.push({ at: section.address + offset, name: symbol.name })
        continue
      }
      const addend = symbol.isSection ? (section.data.readInt32LE(offset + 4) + 1) * 8 : 0
      section.data.writeInt32LE((address + addend - (section.address + offset + 8)) / 8, offset + 4)
      continue
    }
    if (address === undefined) refuse(`${where}: ${symbol.name} is undefined`)
    if (type === R_BPF_64_64) {
      if (section.data[offset] !== 0x18)
        refuse(`${where}: an address relocation on something that is no lddw`)
      const value = RODATA_START + BigInt(address) + BigInt(section.data.readUInt32LE(offset + 4))
      section.data.writeUInt32LE(Number(value & 0xffffffffn), offset + 4)
      section.data.writeUInt32LE(Number(value >> 32n), offset + 12)
    } else if (type === R_BPF_64_ABS64) {
      const value = RODATA_START + BigInt(address) + section.data.readBigUInt64LE(offset)
      section.data.writeBigUInt64LE(value, offset)
    } else refuse(`${where}: relocation type ${type} is not supported`)
  }
  return calls
}

/** Checks every instruction and puts `callx` into the form of sBPF v0 (the register's number in the immediate). */
function checkCode(code, base) {
  const frameBase = new Set()
  for (let at = 0; at < code.length; at += 8) {
    const opcode = code[at]
    const kind = opcode & 7
    const to = code[at + 1] & 15
    const from = code[at + 1] >> 4
    const offset = code.readInt16LE(at + 2)
    const immediate = code.readInt32LE(at + 4)
    const where = `instruction at 0x${(base + at).toString(16)} (opcode 0x${opcode.toString(16)})`
    const isByteSwap = opcode === 0xd4 || opcode === 0xdc
    if (kind === 4 && !isByteSwap) refuse(`${where}: 32-bit arithmetic; build with -mcpu=v2`)
    if (kind === 6) refuse(`${where}: 32-bit jump; build with -mcpu=v2`)
    if (opcode === 0xd7 || (kind === 7 && offset !== 0))
      refuse(`${where}: an instruction of a later BPF version`)
    if (kind === 1 && (opcode & 0xe0) !== 0x60) refuse(`${where}: sign-extending load`)
    if (kind === 3 && (opcode & 0xe0) !== 0x60) refuse(`${where}: atomic operation`)
    if (kind === 0 && opcode !== 0x18) refuse(`${where}: legacy packet load`)
    if (opcode === 0x8d) {
      code[at + 1] = 0
      code.writeInt32LE(to, at + 4)
    }
    if (opcode === 0x85 && from > 1) refuse(`${where}: call of a kind that the runtime does not know`)
    if (opcode === 0x85 && immediate !== -1) {
      const target = at + 8 + 8 * immediate
      if (target < 0 || target >= code.length) refuse(`${where}: call leaves the code`)
    }
    const memoryBase = kind === 1 ? from : kind === 2 || kind === 3 ? to : -1
    if (memoryBase === 10 && (offset < -FRAME_BYTES || offset >= 0))
      refuse(`${where}: frame above ${FRAME_BYTES} bytes`)
    if (opcode === 0x07 && frameBase.has(to) && immediate < -FRAME_BYTES)
      refuse(`${where}: frame above ${FRAME_BYTES} bytes`)
    if (opcode === 0xbf && from === 10) frameBase.add(to)
    else if (kind === 7 || kind === 1 || kind === 0) frameBase.delete(to)
    if (opcode === 0x18) at += 8
  }
}

function gather({ from, to, sections }) {
  const bytes = Buffer.alloc(to - from)
  for (const section of sections) section.data.copy(bytes, section.address - from)
  return bytes
}

function strings(names) {
  const at = new Map()
  const parts = ['\0']
  let length = 1
  for (const name of names) {
    at.set(name, length)
    parts.push(`${name}\0`)
    length += name.length + 1
  }
  return { bytes: Buffer.from(parts.join(''), 'latin1'), at }
}

function words(...values) {
  const bytes = Buffer.alloc(8 * values.length)
  values.forEach((value, index) => {
    bytes.writeBigUInt64LE(BigInt(value), 8 * index)
  })
  return bytes
}

function link(objectBytes) {
  const object = readObject(objectBytes)
  const headerBytes = 64 + 3 * 56
  const { text, rodata } = layOut(object.sections, headerBytes)
  const calls = relocate(object)
  const code = gather(text)
  checkCode(code, text.from)
  const entry =
    object.symbols.find((symbol) => symbol.name === 'entrypoint') ?? refuse('no symbol `entrypoint`')
  const entryAddress = object.sections[entry.section].address + entry.value

  const names = [...new Set(calls.map((call) => call.name))].sort()
  const dynstr = strings(names)
  const dynsym = Buffer.alloc(24 * (names.length + 1))
  names.forEach((name, index) => {
    dynsym.writeUInt32LE(dynstr.at.get(name), 24 * (index + 1))
    dynsym[24 * (index + 1) + 4] = 0x10
  })
  const reldyn = Buffer.concat(
    calls
      .sort((left, right) => left.at - right.at)
      .map((call) => words(call.at, (BigInt(names.indexOf(call.name) + 1) << 32n) | BigInt(R_BPF_64_32))),
  )

  let at = rodata.to
  const take = (length) => {
    const from = at
    at = Math.ceil((at + length) / 8) * 8
    return from
  }
  const dynamicAt = take(16 * 8)
  const dynsymAt = take(dynsym.length)
  const dynstrAt = take(dynstr.bytes.length)
  const reldynAt = take(reldyn.length)
  const loadedEnd = at
  const dynamic = words(
    ...[17, reldynAt, 18, reldyn.length, 19, 16, 0x6ffffffa, 0],
    ...[6, dynsymAt, 11, 24, 5, dynstrAt, 10, dynstr.bytes.length],
  )
  // The list ends with an entry of zeros; the count of relative relocations (0x6ffffffa) is zero and left out.
  const dynamicBytes = Buffer.concat([dynamic.subarray(0, 48), dynamic.subarray(64), words(0, 0)])
  const shstrtab = strings(['.text', '.rodata', '.dynamic', '.dynsym', '.dynstr', '.rel.dyn', '.shstrtab'])
  const shstrtabAt = take(shstrtab.bytes.length)
  const tableAt = at

  const header = Buffer.alloc(64)
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header)
  header.writeUInt16LE(3, 16)
  header.writeUInt16LE(247, 18)
  header.writeUInt32LE(1, 20)
  words(entryAddress, 64, tableAt).copy(header, 24)
  header.writeUInt16LE(64, 52)
  header.writeUInt16LE(56, 54)
  header.writeUInt16LE(3, 56)
  header.writeUInt16LE(64, 58)
  header.writeUInt16LE(8, 60)
  header.writeUInt16LE(7, 62)

  const segment = (type, flags, from, length, align) => {
    const bytes = Buffer.alloc(56)
    bytes.writeUInt32LE(type, 0)
    bytes.writeUInt32LE(flags, 4)
    words(from, from, from, length, length, align).copy(bytes, 8)
    return bytes
  }
  const sectionHeader = (name, type, flags, from, length, linked, info, align, each) => {
    const bytes = Buffer.alloc(64)
    bytes.writeUInt32LE(name === '' ? 0 : shstrtab.at.get(name), 0)
    bytes.writeUInt32LE(type, 4)
    words(flags, flags === 0 ? 0 : from, from, length).copy(bytes, 8)
    bytes.writeUInt32LE(linked, 40)
    bytes.writeUInt32LE(info, 44)
    words(align, each).copy(bytes, 48)
    return bytes
  }
  const file = Buffer.alloc(tableAt + 8 * 64)
  const put = (bytes, from) => bytes.copy(file, from)
  put(header, 0)
  put(
    Buffer.concat([
      segment(1, 5, text.from, text.to - text.from, 8),
      segment(1, 4, rodata.from, loadedEnd - rodata.from, 8),
      segment(2, 4, dynamicAt, dynamicBytes.length, 8),
    ]),
    64,
  )
  put(code, text.from)
  put(gather(rodata), rodata.from)
  put(dynamicBytes, dynamicAt)
  put(dynsym, dynsymAt)
  put(dynstr.bytes, dynstrAt)
  put(reldyn, reldynAt)
  put(shstrtab.bytes, shstrtabAt)
  put(
    Buffer.concat([
      sectionHeader('', 0, 0, 0, 0, 0, 0, 0, 0),
      sectionHeader('.text', 1, 6, text.from, text.to - text.from, 0, 0, 8, 0),
      sectionHeader('.rodata', 1, 2, rodata.from, rodata.to - rodata.from, 0, 0, 8, 0),
      sectionHeader('.dynamic', 6, 2, dynamicAt, dynamicBytes.length, 5, 0, 8, 16),
      sectionHeader('.dynsym', 11, 2, dynsymAt, dynsym.length, 5, 1, 8, 24),
      sectionHeader('.dynstr', 3, 2, dynstrAt, dynstr.bytes.length, 0, 0, 1, 0),
      sectionHeader('.rel.dyn', 9, 2, reldynAt, reldyn.length, 4, 0, 8, 16),
      sectionHeader('.shstrtab', 3, 0, shstrtabAt, shstrtab.bytes.length, 0, 0, 1, 0),
    ]),
    tableAt,
  )
  return file
}

const [objectPath, programPath] = process.argv.slice(2)
if (programPath === undefined) {
  process.stderr.write('usage: node link.mjs <object.o> <program.so>\n')
  process.exit(2)
}
try {
  const program = link(readFileSync(objectPath))
  writeFileSync(programPath, program)
  process.stderr.write(`linked ${programPath}: ${program.length} bytes\n`)
} catch (error) {
  if (!(error instanceof LinkError)) throw error
  process.stderr.write(`link failed: ${error.message}\n`)
  process.exit(1)
}
