/** One bar per day, with the number above it: a table for those who do not see it. */
export function Bars({
  label,
  bars,
}: {
  label: string
  bars: Array<{ name: string; value: number; text: string }>
}) {
  const most = Math.max(...bars.map(({ value }) => value), 0)
  const width = 100 / Math.max(1, bars.length)
  return (
    <figure class="bars">
      <svg viewBox="0 0 100 40" preserveAspectRatio="none" role="img" aria-label={label}>
        {bars.map(({ name, value }, index) => {
          const height = most === 0 ? 0 : (value / most) * 38
          return (
            <rect
              key={name}
              x={index * width + width * 0.12}
              y={40 - height}
              width={width * 0.76}
              height={height}
              rx={0.4}
            />
          )
        })}
      </svg>
      <table>
        <caption>{label}</caption>
        <tbody>
          <tr>
            {bars.map(({ name, text }) => (
              <td key={name}>
                <strong>{text}</strong>
                <span>{name}</span>
              </td>
            ))}
          </tr>
        </tbody>
      </table>
    </figure>
  )
}
