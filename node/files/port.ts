/**
 * The files of one folder. Names are relative, with `/` between parts; a name that would lead out of the folder is
 * refused with FILE_NAME_INVALID, so that no name from a peer can.
 */
export interface Files {
  /** Bytes of the file, 0 when there is none. */
  size(name: string): Promise<number>
  /** Adds to the end, making the file and its folders; flushed to the disk when it resolves. */
  append(name: string, bytes: Uint8Array): Promise<void>
  /** Throws away what stands beyond so many bytes. */
  truncate(name: string, bytes: number): Promise<void>
  /** Up to `length` bytes from `offset`; fewer at the end of the file. */
  read(name: string, offset: number, length: number): Promise<Uint8Array>
  /** Opens a file to write at any place of it, making it and its folders. */
  edit(name: string): Promise<FileEditor>
  move(from: string, to: string): Promise<void>
  /** A second name for a file: its bytes go when the last name does. A copy where the disk knows no such thing. */
  link(from: string, to: string): Promise<void>
  /** The files in a folder and below it; none when there is none. */
  list(folder: string): Promise<FileEntry[]>
  /** Sets the time of its last use, Unix milliseconds. */
  touch(name: string, usedAtMs: number): Promise<void>
  /** Removes a file or a folder with all that is in it; nothing happens when there is none. */
  remove(name: string): Promise<void>
  /** The absolute path, for people. */
  path(name: string): string
}

/** Files that can only be added to. */
export type FileLog = Pick<Files, 'size' | 'append' | 'read' | 'move' | 'remove'>

export interface FileEditor {
  /** Up to `length` bytes from `offset`; fewer at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** All pieces, one after the other, from `offset` on. On the disk only after `sync`. */
  write(offset: number, pieces: readonly Uint8Array[]): Promise<void>
  size(): Promise<number>
  sync(): Promise<void>
  close(): Promise<void>
}

export interface FileEntry {
  /** As the folder was named, and what follows. */
  name: string
  bytes: number
  usedAtMs: number
  /** Other names of the same file. */
  otherNames: number
}

/** Something that can be sent: known size and name, read in pieces, so that large inputs never lie in memory. */
export interface Source {
  name: string
  bytes: number
  /** The root of its SHA-256 tree (protocols/job/content.ts). */
  sha256: Uint8Array
  /** The leaves of that tree, where they are known. */
  leaves?: Uint8Array
  /** Public data: whoever has it may give it to whoever asks. */
  shared?: boolean
  /** The provider may keep it for later jobs of this renter. */
  keep?: boolean
  read(offset: number, length: number): Promise<Uint8Array>
}
