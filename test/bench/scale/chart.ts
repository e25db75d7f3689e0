/** Small multiples of log-log lines as one SVG: no dependency, the same bytes for the same figures. */
export interface Panel {
  title: string
  unit: string
  lines: Line[]
  /** A bound worth seeing, with its name. */
  limit?: { at: number; name: string }
  /** Ends of the vertical axis; powers of ten read best. */
  from: number
  to: number
}

export interface Line {
  name: string
  color: string
  points: Array<{ x: number; y: number | undefined }>
}

const PANEL = { width: 330, height: 250, left: 58, right: 16, top: 46, bottom: 44 }
const TEXT = '#333333'
const GRID = '#e3e3e3'
const LIMIT = '#b00020'
const LEGEND_HEIGHT = 34

export function drawChart(title: string, panels: readonly Panel[]): string {
  const width = panels.length * PANEL.width
  const height = PANEL.height + LEGEND_HEIGHT
  const body = panels.map(
    (panel, index) => `<g transform="translate(${index * PANEL.width} 0)">\n${drawPanel(panel)}\n</g>`,
  )
  const lines = panels[0]?.lines ?? []
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="11" fill="${TEXT}">`,
    `<title>${plain(title)}</title>`,
    `<clipPath id="panel"><rect x="0" y="${PANEL.top}" width="${PANEL.width}" height="${PANEL.height}"/></clipPath>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    ...body,
    drawLegend(lines, PANEL.height + LEGEND_HEIGHT / 2),
    '</svg>',
    '',
  ].join('\n')
}

function drawPanel({ title, unit, lines, limit, from, to }: Panel): string {
  const { width, height, left, right, top, bottom } = PANEL
  const xs = lines.flatMap(({ points }) => points.map(({ x }) => x))
  const x = scale([Math.min(...xs), Math.max(...xs)], [left, width - right])
  const y = scale([from, to], [height - bottom, top])
  const parts = [`<text x="${left}" y="18" font-size="13" font-weight="bold">${plain(title)}</text>`]
  parts.push(`<text x="${left}" y="34">${plain(unit)}</text>`)
  for (const tick of powers(from, to)) {
    parts.push(`<path d="M${left} ${y(tick)}H${width - right}" stroke="${GRID}"/>`)
    parts.push(`<text x="${left - 6}" y="${y(tick) + 4}" text-anchor="end">${short(tick)}</text>`)
  }
  for (const tick of [1_000, 10_000, 100_000, 500_000]) {
    parts.push(`<text x="${x(tick)}" y="${height - bottom + 16}" text-anchor="middle">${short(tick)}</text>`)
  }
  parts.push(
    `<text x="${(left + width - right) / 2}" y="${height - 10}" text-anchor="middle">providers</text>`,
  )
  if (limit !== undefined) {
    parts.push(
      `<path d="M${left} ${y(limit.at)}H${width - right}" stroke="${LIMIT}" stroke-dasharray="4 3"/>`,
    )
    parts.push(`<text x="${left + 4}" y="${y(limit.at) - 4}" fill="${LIMIT}">${plain(limit.name)}</text>`)
  }
  for (const { points, color } of lines) {
    const shown = points.flatMap((point) => (point.y === undefined ? [] : [{ x: point.x, y: point.y }]))
    const path = shown.map((point, index) => `${index === 0 ? 'M' : 'L'}${x(point.x)} ${y(point.y)}`)
    // What leaves the panel at its top is cut off there.
    parts.push(
      `<path d="${path.join('')}" fill="none" stroke="${color}" stroke-width="2" clip-path="url(#panel)"/>`,
    )
    for (const point of shown.filter(({ y }) => y <= to)) {
      parts.push(`<circle cx="${x(point.x)}" cy="${y(point.y)}" r="2.5" fill="${color}"/>`)
    }
  }
  return parts.join('\n')
}

function drawLegend(lines: readonly Line[], y: number): string {
  const step = 330
  return lines
    .map(
      ({ name, color }, index) =>
        `<path d="M${58 + index * step} ${y}h22" stroke="${color}" stroke-width="3"/>` +
        `<text x="${86 + index * step}" y="${y + 4}">${plain(name)}</text>`,
    )
    .join('\n')
}

/** Logarithmic, to tenths of a unit: more digits would differ between machines. */
function scale([fromValue, toValue]: [number, number], [fromPx, toPx]: [number, number]) {
  const span = Math.log10(toValue) - Math.log10(fromValue)
  return (value: number) => {
    const share = (Math.log10(value) - Math.log10(fromValue)) / span
    return Math.round((fromPx + share * (toPx - fromPx)) * 10) / 10
  }
}

function powers(from: number, to: number): number[] {
  const first = Math.ceil(Math.log10(from) - 1e-9)
  const last = Math.floor(Math.log10(to) + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, index) => Number(`1e${first + index}`))
}

function short(value: number): string {
  if (value >= 1e9) return `${value / 1e9} G`
  if (value >= 1e6) return `${value / 1e6} M`
  if (value >= 1e3) return `${value / 1e3} k`
  return String(value)
}

function plain(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
