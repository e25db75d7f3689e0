import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'

export interface Curve {
  name: string
  values: Array<number | null>
}

const COLOURS = ['--curve-1', '--curve-2', '--curve-3', '--curve-4']
const HEIGHT = 220

/** Curves over one axis. `x` ascends; a curve has a value, or null, for each. */
export function Plot({
  label,
  x,
  curves,
  isTime = false,
}: {
  label: string
  x: number[]
  curves: Curve[]
  isTime?: boolean
}) {
  const place = useRef<HTMLDivElement>(null)
  const plot = useRef<UPlot | undefined>(undefined)
  const names = curves.map(({ name }) => name).join('\n')
  const data = [x, ...curves.map(({ values }) => values)] as UPlot.AlignedData

  useEffect(() => {
    const element = place.current
    if (element === null) return
    // A canvas knows neither variables nor schemes: the browser resolves them as the colour of an element.
    const colour = (name: string) => {
      element.style.color = `var(${name})`
      return getComputedStyle(element).color
    }
    const axis = {
      stroke: colour('--muted'),
      grid: { stroke: colour('--line'), width: 1 },
      ticks: { show: false },
    }
    const made = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        scales: { x: { time: isTime } },
        axes: [axis, { ...axis, size: 60 }],
        legend: { live: true },
        series: [
          { label: isTime ? 'time' : 'step' },
          ...names.split('\n').map((name, index) => ({
            label: name,
            stroke: colour(COLOURS[index % COLOURS.length]!),
            width: 2,
            spanGaps: true,
          })),
        ],
      },
      data,
      element,
    )
    plot.current = made
    const watch = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }))
    watch.observe(element)
    return () => {
      watch.disconnect()
      made.destroy()
    }
  }, [names, isTime])

  useEffect(() => plot.current?.setData(data))
  return <div class="plot" ref={place} role="img" aria-label={label} />
}
