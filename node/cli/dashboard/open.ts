import { spawn } from 'node:child_process'
import { connectToNode } from '../../control/client.js'
import type { Invocation } from '../command.js'
import { EXIT } from '../exit.js'

export async function run(invocation: Invocation): Promise<number> {
  const { report, options } = invocation
  const node = await connectToNode((await invocation.config()).config.dataDir)
  const url = await node.dashboardLink()
  if (options.open === true && !(await openInBrowser(url))) {
    report.progress('no browser could be started: open the link yourself')
  }
  report.result({ url, pid: node.pid }, `${url}\n\nFor one browser, within two minutes.`)
  return EXIT.OK
}

/** By the program that the desktop has for links. False when there is none. */
function openInBrowser(url: string): Promise<boolean> {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  return new Promise((resolve) => {
    const child = spawn(command, [...args, url], { stdio: 'ignore', detached: true })
    child.once('error', () => resolve(false))
    child.once('spawn', () => {
      child.unref()
      resolve(true)
    })
  })
}

const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['explorer.exe'],
}
