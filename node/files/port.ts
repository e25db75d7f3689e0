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
  move(from: string, to: string): Promise<void>
  /** Removes a file or a folder with all that is in it; nothing happens when there is none. */
  remove(name: string): Promise<void>
  /** The absolute path, for people. */
  path(name: string): string
}

/** Something that can be sent: known size and digest, read in pieces, so that large inputs never lie in memory. */
export interface Source {
  name: string
  bytes: number
  sha256: Uint8Array
  read(offset: number, length: number): Promise<Uint8Array>
}
