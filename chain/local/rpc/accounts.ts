import bs58 from 'bs58'
import { answerAccount, readAccountView } from '../encoding.js'
import { invalidParams } from './error.js'
import { readFilters } from './filter.js'
import { type MethodTable, withContext } from './method.js'
import { readAddress, readBoolean, readConfigAt, readInteger, readList } from './params.js'

/** As in Agave. */
const MULTIPLE_ACCOUNTS_LIMIT = 100
/** The largest account that the runtime allows. */
const ACCOUNT_MAX_BYTES = 10 * 1024 * 1024

export const accountMethods: MethodTable = {
  getAccountInfo({ bank }, [address, options]) {
    const config = readConfigAt(bank, options)
    const view = readAccountView(config.encoding, config.dataSlice)
    const read = (at: Uint8Array) => bank.readAccount(at)
    const account = read(readAddress(address))
    return withContext(bank, account === undefined ? null : answerAccount(account, view, read))
  },

  getBalance({ bank }, [address, options]) {
    readConfigAt(bank, options)
    return withContext(bank, Number(bank.readAccount(readAddress(address))?.lamports ?? 0n))
  },

  getMultipleAccounts({ bank }, [addresses, options]) {
    const config = readConfigAt(bank, options)
    const view = readAccountView(config.encoding ?? 'base64', config.dataSlice)
    const read = (at: Uint8Array) => bank.readAccount(at)
    const shown = readList(addresses, 'addresses', MULTIPLE_ACCOUNTS_LIMIT).map((address) => {
      const account = read(readAddress(address))
      return account === undefined ? null : answerAccount(account, view, read)
    })
    return withContext(bank, shown)
  },

  getProgramAccounts({ bank }, [program, options]) {
    const config = readConfigAt(bank, options)
    const view = readAccountView(config.encoding, config.dataSlice)
    const matches = readFilters(config.filters)
    const read = (at: Uint8Array) => bank.readAccount(at)
    const shown = bank
      .programAccounts(readAddress(program, 'program'))
      .filter(({ account }) => matches(account))
      .map(({ address, account }) => ({
        pubkey: bs58.encode(address),
        account: answerAccount(account, view, read),
      }))
    return readBoolean(config.withContext, 'withContext') ? withContext(bank, shown) : shown
  },

  getMinimumBalanceForRentExemption({ bank }, [dataBytes, options]) {
    readConfigAt(bank, options)
    const bytes = readInteger(dataBytes, 'data length')
    if (bytes > ACCOUNT_MAX_BYTES) throw invalidParams(`an account holds at most ${ACCOUNT_MAX_BYTES} bytes`)
    return Number(bank.rentExemptMinimum(bytes))
  },
}
