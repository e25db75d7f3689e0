import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What a browser may load, and nothing else: the page's own modules and styles, and the three packages they stand on. */
export interface Asset {
  type: string
  body: Buffer
  /** Strong validator (RFC 9110, 8.8.3): the browser asks again and gets 304. */
  etag: string
}

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SCRIPT = 'text/javascript; charset=utf-8'
const STYLE = 'text/css; charset=utf-8'
const packages = createRequire(import.meta.url)

const MODULES = [
  'main',
  'store',
  'format',
  'parts',
  'provide',
  'rent',
  'job',
  'swarm',
  'plot',
  'bars',
  'map',
  'land',
]

/** Names of packages as the modules import them, and where the page finds them. */
const IMPORTS: Readonly<Record<string, string>> = {
  preact: '/dashboard/lib/preact.js',
  'preact/hooks': '/dashboard/lib/hooks.js',
  'preact/jsx-runtime': '/dashboard/lib/jsx.js',
  uplot: '/dashboard/lib/uplot.js',
}

const IMPORT_MAP = JSON.stringify({ imports: IMPORTS })

/** No script, style or connection from anywhere but this door; nobody may frame it. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `script-src 'self' 'sha256-${createHash('sha256').update(IMPORT_MAP).digest('base64')}'`,
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Nightshift</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/dashboard/lib/uplot.css">
<link rel="stylesheet" href="/dashboard/page/style.css">
<script type="importmap">${IMPORT_MAP}</script>
<script type="module" src="/dashboard/page/main.js"></script>
</head>
<body><main id="page"><p class="waiting">Asking the node …</p></main>
<noscript>The dashboard needs JavaScript; the same is told by “nightshift node status” and “nightshift job list”.</noscript>
</body>
</html>
`

/** By path. Read once: a node serves the page that it was started with. */
export function readAssets(): ReadonlyMap<string, Asset> {
  const installed = (name: string) => readFileSync(packages.resolve(name))
  const beside = (entry: string, path: string) => readFileSync(join(dirname(packages.resolve(entry)), path))
  const assets = new Map<string, Asset>([
    ['/dashboard/', asset('text/html; charset=utf-8', Buffer.from(PAGE))],
    [
      '/dashboard/page/style.css',
      asset(STYLE, readFileSync(join(ROOT, 'node', 'dashboard', 'page', 'style.css'))),
    ],
    ['/dashboard/lib/uplot.css', asset(STYLE, beside('uplot', 'uPlot.min.css'))],
    ['/dashboard/lib/uplot.js', asset(SCRIPT, beside('uplot', 'uPlot.esm.js'))],
    ['/dashboard/lib/preact.js', asset(SCRIPT, installed('preact'))],
    ['/dashboard/lib/hooks.js', asset(SCRIPT, installed('preact/hooks'))],
    ['/dashboard/lib/jsx.js', asset(SCRIPT, installed('preact/jsx-runtime'))],
  ])
  for (const name of MODULES) {
    assets.set(`/dashboard/page/${name}.js`, asset(SCRIPT, readFileSync(join(HERE, 'page', `${name}.js`))))
  }
  return assets
}

function asset(type: string, body: Buffer): Asset {
  return { type, body, etag: `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"` }
}
