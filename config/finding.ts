/** One thing that is wrong, or odd, in what a person wrote: where, what was read, what would be right. */
export interface Finding {
  severity: 'error' | 'warning'
  code: FindingCode
  /** A file's name, `flag --chain-rpc-url` or `environment NIGHTSHIFT_CHAIN_RPC_URL`. */
  source: string
  /** Keys joined by dots, list indices too; empty for the whole. */
  path: string
  /** From 1; only for files. */
  line?: number
  column?: number
  /** What is wrong, with what was read. */
  message: string
  /** What would be right. */
  expected: string
  /** The line of the file with a mark under the place. */
  frame?: string
}

export type FindingCode =
  | 'SYNTAX'
  | 'TOO_LARGE'
  | 'TOO_DEEP'
  | 'TOO_MANY_ALIASES'
  | 'CUSTOM_TAG'
  | 'DUPLICATE_KEY'
  | 'UNKNOWN_KEY'
  | 'NOT_OFFERED'
  | 'MISSING'
  | 'WRONG_TYPE'
  | 'WRONG_VALUE'
  | 'UNKNOWN_NAME'
  | 'CONFLICT'
  | 'MISPLACED'
  | 'NOT_ENFORCED'
