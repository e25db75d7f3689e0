/** Names within a data directory. The node's key is its identity; the wallet pays, stakes and owns. */
export const NODE_KEY_FILE = 'node.json'
export const WALLET_FILE = 'wallet.json'
