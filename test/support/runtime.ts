import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { address as toAddress, lamports as toLamports } from '@solana/kit'
import {
  ACCOUNT_SIZE,
  AccountLayout,
  createApproveInstruction,
  createInitializeAccount3Instruction,
  createInitializeMint2Instruction,
  createMintToInstruction,
  createTransferInstruction,
  MINT_SIZE,
  MintLayout,
  TOKEN_PROGRAM_ID,
} from '@solana/spl-token'
import {
  ComputeBudgetProgram,
  Keypair,
  PublicKey,
  SystemProgram,
  type TransactionInstruction,
  TransactionMessage,
  VersionedTransaction,
} from '@solana/web3.js'
import { FailedTransactionMetadata, LiteSVM, type TransactionMetadata } from 'litesvm'
import { explainFailure } from '../../chain/client/errors.js'
import { type EscrowEvent, parseEvents } from '../../chain/client/events.js'
import type { SignedMessage } from '../../chain/client/instructions.js'
import {
  decodeLease,
  decodeMarket,
  decodeProvider,
  type Lease,
  type Market,
  type Provider,
  type RawAccount,
} from '../../chain/client/layouts.js'
import * as loader from '../../chain/client/loader.js'
import { createSigner } from '../../chain/client/signing.js'

/** The escrow program on the real runtime, deployed through the loader, with a clock that the test sets. */
export const PROGRAM_PATH = new URL('../../../chain/program/nightshift.so', import.meta.url)

/** The bindings under litesvm's typed surface, which take web3.js's bytes as they are. */
interface Inner {
  sendVersionedTransaction(bytes: Uint8Array): TransactionMetadata | FailedTransactionMetadata
  simulateVersionedTransaction(bytes: Uint8Array): { meta(): TransactionMetadata } | FailedTransactionMetadata
  getAccount(address: Uint8Array): { owner(): Uint8Array; data(): Uint8Array; lamports(): bigint } | null
  airdrop(address: Uint8Array, lamports: bigint): unknown
}

export interface Outcome {
  /** `''` when it succeeded, else the named code of the error. */
  code: string
  logs: string[]
  units: number
  events: EscrowEvent[]
}

const START_UNIX = 1_800_000_000n

/** The state right after the deployment, so that only the first world of a test file pays for it. */
let deployed: Uint8Array | undefined

export class World {
  readonly programId = loader.localnetProgramKeypair().publicKey
  readonly payer = keypairOf('payer')
  readonly mintAuthority = keypairOf('mint authority')
  readonly svm: LiteSVM
  private readonly inner: Inner
  private unix = START_UNIX
  private made = 0

  constructor() {
    this.svm = deployed === undefined ? new LiteSVM() : LiteSVM.fromBytes(deployed)
    this.inner = (this.svm as unknown as { inner: Inner }).inner
    this.setTime(START_UNIX)
    if (deployed !== undefined) return
    this.fund(this.payer.publicKey, 1_000_000_000_000n)
    this.deploy(readFileSync(PROGRAM_PATH))
    deployed = this.svm.toBytes()
  }

  private deploy(program: Uint8Array): void {
    const buffer = keypairOf('buffer')
    const rent = (bytes: number) => Number(this.svm.minimumBalanceForRentExemption(BigInt(bytes)))
    const authority = this.payer.publicKey
    const sizes = loader.accountBytes(program)
    const made = loader.createBuffer({
      payer: authority,
      buffer: buffer.publicKey,
      authority,
      program,
      lamports: rent(sizes.buffer),
    })
    this.expect(this.send(made, [this.payer, buffer]))
    for (const write of loader.writeBuffer(buffer.publicKey, authority, program)) {
      this.expect(this.send([write], [this.payer]))
    }
    const deploy = loader.deploy({
      payer: authority,
      programId: this.programId,
      buffer: buffer.publicKey,
      authority,
      maxBytes: program.length,
      lamports: rent(sizes.program),
    })
    this.expect(this.send(deploy, [this.payer, loader.localnetProgramKeypair()]))
    // A program can be called from the slot after its deployment.
    this.setTime(this.unix)
  }

  /** Signs with all of `signers`; the first pays. */
  sign(instructions: TransactionInstruction[], signers: Keypair[]): VersionedTransaction {
    const message = new TransactionMessage({
      payerKey: signers[0]!.publicKey,
      recentBlockhash: this.svm.latestBlockhash(),
      instructions,
    })
    const transaction = new VersionedTransaction(message.compileToLegacyMessage())
    transaction.sign(unique(signers))
    return transaction
  }

  /** A new blockhash follows, so that the same instructions can be sent again, unless it is kept. */
  submit(transaction: VersionedTransaction, { keepBlockhash = false } = {}): Outcome {
    const result = this.inner.sendVersionedTransaction(transaction.serialize())
    if (!keepBlockhash) this.svm.expireBlockhash()
    const failed = result instanceof FailedTransactionMetadata || 'err' in result
    const meta = failed ? (result as FailedTransactionMetadata).meta() : (result as TransactionMetadata)
    const logs = meta.logs()
    const error = failed ? String((result as FailedTransactionMetadata).toString()) : ''
    return {
      code: failed ? explainFailure(this.programId, { error, logs }).code : '',
      logs: failed ? [...logs, error] : logs,
      units: Number(meta.computeUnitsConsumed()),
      events: failed ? [] : parseEvents(this.programId, logs),
    }
  }

  parse(bytes: Uint8Array): VersionedTransaction {
    return VersionedTransaction.deserialize(bytes)
  }

  /** What a simulation over RPC answers. */
  rehearse(transaction: VersionedTransaction): { err: unknown; logs: string[] } {
    const result = this.inner.simulateVersionedTransaction(transaction.serialize())
    const failed = 'err' in result
    return { err: failed ? String(result.toString()) : null, logs: result.meta().logs() }
  }

  send(instructions: TransactionInstruction[], signers: Keypair[]): Outcome {
    return this.submit(this.sign(instructions, signers))
  }

  /** With the largest compute limit that a transaction can have. */
  heavy(instructions: TransactionInstruction[], signers: Keypair[]): Outcome {
    return this.send(
      [ComputeBudgetProgram.setComputeUnitLimit({ units: 1_400_000 }), ...instructions],
      signers,
    )
  }

  /** Throws with the logs when the transaction failed. */
  expect(outcome: Outcome): Outcome {
    if (outcome.code !== '') throw new Error(`${outcome.code}\n${outcome.logs.join('\n')}`)
    return outcome
  }

  get time(): number {
    return Number(this.unix)
  }

  setTime(unix: bigint | number): void {
    this.unix = BigInt(unix)
    const clock = this.svm.getClock()
    clock.slot += 1n
    clock.unixTimestamp = this.unix
    this.svm.warpToSlot(clock.slot)
    this.svm.setClock(clock)
  }

  advance(seconds: number): void {
    this.setTime(this.unix + BigInt(seconds))
  }

  fund(address: PublicKey, lamports = 10_000_000_000n): void {
    this.inner.airdrop(address.toBytes(), lamports)
  }

  account(address: PublicKey): RawAccount | null {
    const account = this.inner.getAccount(address.toBytes())
    return account === null || account.lamports() === 0n
      ? null
      : { owner: new PublicKey(account.owner()), data: account.data() }
  }

  /** Puts bytes at an address as no transaction could: what an attacker might present. */
  forge(address: PublicKey, owner: PublicKey, data: Uint8Array): void {
    this.svm.setAccount({
      address: toAddress(address.toBase58()),
      programAddress: toAddress(owner.toBase58()),
      data,
      executable: false,
      lamports: toLamports(10_000_000n),
      space: BigInt(data.length),
    })
  }

  /** Lets `delegate` spend from a token account. */
  approve(account: PublicKey, owner: Keypair, delegate: PublicKey): void {
    const approve = createApproveInstruction(account, delegate, owner.publicKey, 1n)
    this.expect(this.send([approve], [owner]))
  }

  createReturn(from: PublicKey, owner: Keypair, to: PublicKey, amount: bigint): TransactionInstruction {
    return createTransferInstruction(from, to, owner.publicKey, amount)
  }

  lamports(address: PublicKey): bigint {
    return this.inner.getAccount(address.toBytes())?.lamports() ?? 0n
  }

  tokens(address: PublicKey): bigint {
    const account = this.account(address)
    return account === null ? 0n : AccountLayout.decode(account.data).amount
  }

  /** By the account's name in base 58; 0 when there is none. */
  tokensAt(address: string): bigint {
    return this.tokens(new PublicKey(address))
  }

  supply(mint: PublicKey): bigint {
    return MintLayout.decode(this.account(mint)!.data).supply
  }

  market(address: PublicKey): Market {
    return decodeMarket(address, this.account(address), this.programId)
  }

  provider(address: PublicKey): Provider {
    return decodeProvider(address, this.account(address), this.programId)
  }

  lease(address: PublicKey): Lease {
    return decodeLease(address, this.account(address), this.programId)
  }

  /** A new key, the same in every run. */
  key(name = 'key'): Keypair {
    return keypairOf(`${name} ${this.made++}`)
  }

  wallet(name = 'wallet'): Keypair {
    const wallet = this.key(name)
    this.fund(wallet.publicKey)
    return wallet
  }

  createMint(decimals = 6, freezeAuthority: PublicKey | null = null): PublicKey {
    const mint = this.key('mint')
    this.expect(
      this.send(
        [
          this.allocate(mint.publicKey, MINT_SIZE),
          createInitializeMint2Instruction(
            mint.publicKey,
            decimals,
            this.mintAuthority.publicKey,
            freezeAuthority,
          ),
        ],
        [this.payer, mint],
      ),
    )
    return mint.publicKey
  }

  createTokenAccount(mint: PublicKey, owner: PublicKey, amount = 0n): PublicKey {
    const account = this.key('token account')
    const instructions = [
      this.allocate(account.publicKey, ACCOUNT_SIZE),
      createInitializeAccount3Instruction(account.publicKey, mint, owner),
    ]
    if (amount > 0n) {
      instructions.push(
        createMintToInstruction(mint, account.publicKey, this.mintAuthority.publicKey, amount),
      )
    }
    const signers = amount > 0n ? [this.payer, account, this.mintAuthority] : [this.payer, account]
    this.expect(this.send(instructions, signers))
    return account.publicKey
  }

  private allocate(address: PublicKey, space: number): TransactionInstruction {
    return SystemProgram.createAccount({
      fromPubkey: this.payer.publicKey,
      newAccountPubkey: address,
      lamports: Number(this.svm.minimumBalanceForRentExemption(BigInt(space))),
      space,
      programId: TOKEN_PROGRAM_ID,
    })
  }
}

export function signMessage(message: Uint8Array, signer: Keypair): SignedMessage {
  return { message, signature: createSigner(signer.secretKey).sign(message) }
}

export function keypairOf(name: string): Keypair {
  return Keypair.fromSeed(hashOf(name))
}

export function hashOf(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

function unique(signers: Keypair[]): Keypair[] {
  const seen = new Map(signers.map((signer) => [signer.publicKey.toBase58(), signer]))
  return [...seen.values()]
}
